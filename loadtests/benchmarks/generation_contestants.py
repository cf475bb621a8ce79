"""Who writes, when servers of generation are compared: Slipway in two ways, the limit, and other projects' servers that
are installed.

Rule: all have the same weights, so many rows and threads as one another, and what was set is told beside the figures.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from tokenizers import Tokenizer

from loadtests.benchmarks.callers import ask_each
from loadtests.benchmarks.generation_client import TOKENS, Wire, body, client
from loadtests.benchmarks.generation_in_process import bare, engine
from loadtests.benchmarks.generation_load import Writer
from loadtests.benchmarks.generation_models import Written, prompts
from loadtests.benchmarks.generation_peers import LIBRARIES, PEERS, Library, Peer, library
from loadtests.benchmarks.generation_script import script
from loadtests.benchmarks.peer_process import free_port, started_by
from loadtests.benchmarks.server_process import Server, ServerFailed, started
from loadtests.call import Call

_STARTS_WITHIN = 300.0  # seconds
_FIRST_TOKENS = 2

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


@dataclass(frozen=True, slots=True)
class Contestant:
    """Inside of `start`'s block there is somebody to ask."""

    name: str
    settings: str
    start: Callable[[Written], AbstractContextManager[Subject]]


def contestants(peers: Path) -> tuple[list[Contestant], dict[str, str]]:
    """Those that can run here; and, by name, why others can't."""
    missing: dict[str, str] = {}
    found = [
        Contestant("slipway", "HTTP", _slipway),
        Contestant("slipway, in process", "the engine without HTTP", partial(_in_process, engine)),
        Contestant("bare", "no server: the decoder, argmax, the decoder", partial(_in_process, bare)),
    ]
    others: dict[str, tuple[str, str, Callable[[Path, Written], AbstractContextManager[Subject]]]] = {
        **{name: (name, f"HTTP; {it.settings}", partial(_peer, it)) for name, it in PEERS.items()},
        **{name: (it.environment, it.settings, partial(_library, it)) for name, it in LIBRARIES.items()},
    }
    for name, (environment, settings, start) in others.items():
        python = peers.resolve() / environment / "bin" / "python"
        if python.exists():
            found.append(Contestant(name, settings, partial(start, python)))
        else:
            missing[name] = f"there is no {python}; `make bench-generation-peers` installs it"
    return found, missing


@contextmanager
def _in_process(opens: Callable[[Written], AbstractAsyncContextManager[Writer]], written: Written) -> Iterator[Subject]:
    yield Subject(partial(opens, written))


@contextmanager
def _slipway(written: Written) -> Iterator[Subject]:
    with started(written.repository, "--model-control-mode", "explicit", "--load-model", written.model.name) as server:
        yield Subject(partial(client, server.port, Wire(written.model.name, TOKENS)), server.process.pid)


@contextmanager
def _library(of: Library, python: Path, written: Written) -> Iterator[Subject]:
    yield Subject(partial(script, library(of, python, written)))


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

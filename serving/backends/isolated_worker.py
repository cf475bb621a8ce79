"""The process of an isolated model: loads it, says what it is, and answers over the lanes that it is given.

Rule: it ends when nobody holds the other end of its control socket any more, or with the thread that started it.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from serving.backends import backend
from serving.backends.backend import ModelInstance, Specs
from serving.backends.conversation import answer_one
from serving.backends.lane import Gone, Head, Lane, receive, send
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_PR_SET_PDEATHSIG = 1  # sys/prctl.h
_SOONER = 500  # of 1000: how much sooner it is killed than the server, where memory runs out
_DESCRIPTORS = 2  # of a lane: its socket and its memory


def main(control: socket.socket, parent: int) -> None:
    """`parent` is the number of the process that started it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        return
    _be_killed_first()
    with suppress(Gone):
        instance = _loaded(control, receive(control))
        if instance is None:
            return
        while descriptors := socket.recv_fds(control, 1, _DESCRIPTORS)[1]:
            lane = Lane(socket.socket(fileno=descriptors[0]), descriptors[1])
            threading.Thread(target=_serve, args=[lane, instance], daemon=True).start()
        instance.close()


def _loaded(control: socket.socket, task: Head) -> ModelInstance | None:
    """None where it can't be loaded, which was said. Raises `Gone`."""
    config = ModelConfig.FromString(bytes.fromhex(task["config"]))
    directory = Path(task["directory"])
    _log_as(f"{config.name}/{directory.name}", task["log_level"])
    os.environ["PYTHONPATH"] = task["python_path"]  # the model's own processes may be of another Python
    try:
        instance = backend.find(config.backend)(directory, config, task["device"])
    except BaseException as error:  # a model may raise anything
        cause = error.__cause__ if isinstance(error, ModelLoadFailed) else error
        if cause is not None:
            log.error("it can't be loaded", exc_info=cause)
        send(control, {"failed": _reason(error)})
        return None
    send(
        control,
        {
            "inputs": _document(instance.inputs),
            "outputs": _document(instance.outputs),
            "concurrency": instance.concurrency,
            "reads_parameters": instance.reads_parameters,
        },
    )
    return instance


def _serve(lane: Lane, instance: ModelInstance) -> None:
    with suppress(Gone):
        while True:
            answer_one(lane, instance)
    lane.close()


def _reason(error: BaseException) -> str:
    """Without the server's folders, which an operating system's error names."""
    if isinstance(error, ModelLoadFailed):
        return str(error)
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {words}"


def _document(specs: Specs) -> list[list[Any]]:
    return [[spec.name, spec.datatype, spec.shape] for spec in specs]


def _log_as(name: str, level: int) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name.replace('%', '%%')}: %(message)s")
    log.setLevel(level)


def _be_killed_first() -> None:
    """When memory runs out, and not the server, which every other model needs."""
    path = Path("/proc/self/oom_score_adj")
    with suppress(OSError, ValueError):
        path.write_text(str(min(1000, int(path.read_text()) + _SOONER)))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)  # threads that the model left behind are not waited for

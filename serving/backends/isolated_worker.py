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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from serving.backends import backend
from serving.backends.backend import ModelInstance, Specs
from serving.backends.conversation import answer_one
from serving.backends.lane import Gone, Head, Lane, receive, send
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_PR_SET_PDEATHSIG = 1  # sys/prctl.h
_DESCRIPTORS = 2  # of a lane: its socket and its memory


def run(control: socket.socket, parent: int, lacking: Sequence[str] = ()) -> NoReturn:
    """To its end. `parent` is the number of the process that started it, `lacking` what keeps it from nothing here."""
    _answer(control, parent, lacking)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)  # threads that the model left behind are not waited for


def _answer(control: socket.socket, parent: int, lacking: Sequence[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        return
    with suppress(Gone):
        instance = _loaded(control, receive(control), lacking)
        if instance is None:
            return
        while descriptors := socket.recv_fds(control, 1, _DESCRIPTORS)[1]:
            lane = Lane(socket.socket(fileno=descriptors[0]), descriptors[1])
            threading.Thread(target=_serve, args=[lane, instance], daemon=True).start()
        instance.close()


def _loaded(control: socket.socket, task: Head, lacking: Sequence[str]) -> ModelInstance | None:
    """None where it can't be loaded, or is only to be described, which was done. Raises `Gone`."""
    config = ModelConfig.FromString(bytes.fromhex(task["config"]))
    directory = Path(task["directory"])
    _log_as(f"{config.name}/{directory.name}", task["log_level"])
    os.environ["PYTHONPATH"] = task["python_path"]  # the model's own processes may be of another Python
    if lacking:
        log.warning("its process is less confined than it could be, this system has no %s", ", ".join(lacking))
    try:
        if task["is_to_describe"]:
            inputs, outputs = backend.read_description(directory, config)
            send(control, {"inputs": _document(inputs), "outputs": _document(outputs)})
            return None
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
    if isinstance(error, MemoryError):
        return "it needs more memory than its process may have, see isolation.memory_byte_size"
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {words}"


def _document(specs: Specs) -> list[list[Any]]:
    return [[spec.name, spec.datatype, spec.shape] for spec in specs]


def _log_as(name: str, level: int) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name.replace('%', '%%')}: %(message)s")
    log.setLevel(level)

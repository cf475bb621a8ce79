"""Threads that call the scaled model without a pause, over HTTP and gRPC, while a test does something to it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx
import numpy as np
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from tests.running_server import RunningServer
from tests.scaled_models import NAME

Ask = Callable[[np.ndarray, str], tuple[str, np.ndarray]]
"""With rows and a version, "" for any: which version answered, and what. Raises `Refused`."""


class Refused(Exception):
    def __init__(self, status: str, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status, self.text = status, text


@dataclass
class Told:
    """What callers of rows of ones were told: versions with the number that they answered, and refusals."""

    answers: Counter[tuple[str, float]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@contextmanager
def callers_of(server: RunningServer, count: int = 4) -> Iterator[Told]:
    told, ones = Told(), np.ones((1, 4), np.float32)

    def turn(ask: Ask, _: int) -> None:
        try:
            version, rows = ask(ones, "")
        except Exception as error:
            told.failures.append(str(error))
        else:
            told.answers[version, float(rows[0, 0])] += 1

    with calling(server, turn, count):
        yield told


@contextmanager
def calling(server: RunningServer, turn: Callable[[Ask, int], None], count: int = 4) -> Iterator[None]:
    """`turn` comes again and again in each thread, with that thread's number."""
    stop = threading.Event()

    def call(number: int) -> None:
        with (_over_http if number % 2 else _over_grpc)(server) as ask:
            while not stop.is_set():
                turn(ask, number)

    threads = [threading.Thread(target=call, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def _over_http(server: RunningServer) -> Iterator[Ask]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield partial(_ask_http, client)


@contextmanager
def _over_grpc(server: RunningServer) -> Iterator[Ask]:
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        yield partial(_ask_grpc, client)


def _ask_http(client: httpx.Client, rows: np.ndarray, version: str) -> tuple[str, np.ndarray]:
    path = f"/versions/{version}" if version else ""
    tensor = {"name": "x", "shape": rows.shape, "datatype": "FP32", "data": rows.ravel().tolist()}
    reply = client.post(f"/v2/models/{NAME}{path}/infer", json={"inputs": [tensor]})
    if reply.status_code != 200:
        raise Refused(str(reply.status_code), reply.text)
    document = reply.json()
    output = document["outputs"][0]
    return document["model_version"], np.array(output["data"], np.float32).reshape(output["shape"])


def _ask_grpc(client: grpcclient.InferenceServerClient, rows: np.ndarray, version: str) -> tuple[str, np.ndarray]:
    tensor = grpcclient.InferInput("x", rows.shape, "FP32").set_data_from_numpy(rows)
    try:
        result = client.infer(NAME, [tensor], version, client_timeout=30)
    except InferenceServerException as error:
        raise Refused(str(error.status()), str(error.message())) from None
    return result.get_response().model_version, result.as_numpy("y")

"""Ask a server at the image's ports, as `python -m tests.deploy.image.client QUESTION`. Rule: JSON comes out."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import tritonclient.grpc
import tritonclient.http

ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)
PATIENCE = 60  # seconds


def ready() -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(URLError, OSError), urlopen("http://127.0.0.1:8000/v2/health/ready") as answer:
            return bool(answer.status == 200)
        time.sleep(0.1)
    return False


def _doubled(client: Any, tensor: Any) -> Any:
    given = tensor("x", list(ROWS.shape), "FP32")
    given.set_data_from_numpy(ROWS)
    return client.infer("double", [given]).as_numpy("y").tolist()


def http() -> Any:
    return _doubled(tritonclient.http.InferenceServerClient("127.0.0.1:8000"), tritonclient.http.InferInput)


def grpc() -> Any:
    return _doubled(tritonclient.grpc.InferenceServerClient("127.0.0.1:8001"), tritonclient.grpc.InferInput)


def metrics() -> str:
    with urlopen("http://127.0.0.1:8002/metrics") as answer:
        return str(answer.read().decode())


def slow() -> int:
    """The first line says that the request is on its way."""
    connection = HTTPConnection("127.0.0.1", 8000, timeout=PATIENCE)
    body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}]}
    connection.request("POST", "/v2/models/slow/infer", json.dumps(body))
    print("sent", flush=True)
    return connection.getresponse().status


QUESTIONS: dict[str, Callable[[], Any]] = {"ready": ready, "http": http, "grpc": grpc, "metrics": metrics, "slow": slow}

if __name__ == "__main__":
    print(json.dumps(QUESTIONS[sys.argv[1]]()))

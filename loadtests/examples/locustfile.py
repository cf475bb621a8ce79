"""Slipway under Locust: users who send tensors and wait for answers.

    pip install locust
    export MODEL=digits-cnn
    locust -f loadtests/examples/locustfile.py --headless --host http://localhost:8000 -u 20 -r 10 -t 30s

Rule: tensors are made before the load begins, by what the model's metadata says. Users wait for their answers, so
latency counts from when a request left: see docs/load-testing.md for what that hides.
"""

import json
import os

import numpy as np
from locust import FastHttpUser, constant_throughput, events, task
from locust.env import Environment

MODEL = os.environ.get("MODEL", "digits-cnn")
DIFFERENT = 16
DTYPES = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "INT32": np.int32, "INT64": np.int64}
REQUESTS: list[tuple[bytes, dict[str, str]]] = []


class Caller(FastHttpUser):
    """Asks ten times a second, or less often where answers take longer."""

    wait_time = constant_throughput(10)
    number = 0

    @task
    def infer(self) -> None:
        self.number += 1
        body, headers = REQUESTS[self.number % len(REQUESTS)]
        self.client.post(f"/v2/models/{MODEL}/infer", data=body, headers=headers, name=f"infer {MODEL}")


@events.test_start.add_listener
def make_requests(environment: Environment, **_: object) -> None:
    import requests

    metadata = requests.get(f"{environment.host}/v2/models/{MODEL}", timeout=10).json()
    REQUESTS[:] = [binary_request(metadata["inputs"], np.random.default_rng(seed)) for seed in range(DIFFERENT)]


def binary_request(inputs: list[dict], random: np.random.Generator) -> tuple[bytes, dict[str, str]]:
    """Tensors follow the JSON as bytes, which costs server and client less than numbers in JSON."""
    heads, contents = [], []
    for tensor in inputs:
        shape = [1 if size < 0 else int(size) for size in tensor["shape"]]
        content = (random.random(shape) * 10).astype(DTYPES[tensor["datatype"]]).tobytes()
        parameters = {"binary_data_size": len(content)}
        heads.append({"name": tensor["name"], "datatype": tensor["datatype"], "shape": shape, "parameters": parameters})
        contents.append(content)
    header = json.dumps({"inputs": heads, "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header)), "Content-Type": "application/octet-stream"}
    return b"".join((header, *contents)), headers

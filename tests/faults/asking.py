"""Requests of a row, as plain HTTP."""

from typing import Any

import httpx

from tests.running_server import RunningServer


def tensor(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    """A body with one row."""
    return {"inputs": [{"name": name, "shape": [1, len(values)], "datatype": datatype, "data": values}]}


def ask(server: RunningServer, model: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/models/{model}/infer", json=body, headers=headers, timeout=60)


def row(first: float = 1.0) -> dict[str, Any]:
    return tensor("x", "FP32", [first, 1.0, 1.0, 1.0])


def output(reply: httpx.Response, name: str) -> list[Any]:
    assert reply.status_code == 200, reply.text
    (found,) = (each["data"] for each in reply.json()["outputs"] if each["name"] == name)
    return list(found)

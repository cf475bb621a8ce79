"""JSON bodies with one thing wrong, for every member of every body that a route takes."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer

Path = tuple[str | int, ...]

WRONG_VALUES = [None, True, -1, 2**70, 1.5, "x", "\0", [], [None], {}, {"x": {}}]
ROW = list(range(16))
KNOWN = {"timeout": 10**7, "priority": 1, "sequence_id": 1, "sequence_start": True, "sequence_end": True}

INFER = {
    "id": "1",
    "parameters": {**KNOWN, "binary_data_output": False},
    "inputs": [
        {"name": "INPUT0", "datatype": "INT32", "shape": [1, 16], "data": ROW, "parameters": {}},
        {"name": "INPUT1", "datatype": "INT32", "shape": [1, 16], "data": ROW},
    ],
    "outputs": [
        {"name": "OUTPUT0", "parameters": {"binary_data": False, "classification": 2}},
        {"name": "OUTPUT1", "parameters": {}},
    ],
}
BODIES: dict[str, Any] = {
    "/v2/models/simple/infer": INFER,
    "/v2/models/mock_llm/generate": {"id": "1", "PROMPT": "a", "STREAM": False, "parameters": {}},
    "/v2/repository/index": {"ready": True},
    "/v2/repository/models/simple_int8/load": {"parameters": {"config": '{"max_batch_size": 2}'}},
    "/v2/repository/models/nope/unload": {"parameters": {"unload_dependents": False}},
    "/v2/systemsharedmemory/region/r/register": {"key": "/slipway_nothing", "offset": 0, "byte_size": 64},
    "/v2/trace/setting": {"trace_level": ["OFF"], "trace_rate": "1", "trace_count": "1", "log_frequency": "0"},
    "/v2/models/simple/trace/setting": {"trace_level": ["OFF"], "trace_rate": "1"},
    "/v2/logging": {"log_info": True, "log_warning": True, "log_verbose_level": 0, "log_format": "default"},
}
TEXTS = ["x", "\0"]
# Values that are no mistake where they stand: any text is an id, null changes no setting, what is unknown is ignored.
FINE: dict[str, dict[Path, list[Any]]] = {
    "/v2/models/simple/infer": {
        ("id",): TEXTS,
        ("parameters",): [{}],
        ("parameters", "sequence_id"): TEXTS,
        ("parameters", "binary_data_output"): [True],
        ("inputs", 0, "parameters"): [{"x": {}}],
        **{("inputs", number, "data", 0): [-1] for number in (0, 1)},
        ("outputs",): [[]],
        ("outputs", 0, "parameters"): [{}, {"x": {}}],
        ("outputs", 0, "parameters", "binary_data"): [True],
        ("outputs", 1, "parameters"): [{"x": {}}],
    },
    "/v2/models/mock_llm/generate": {
        ("id",): TEXTS,
        ("PROMPT",): TEXTS,
        ("STREAM",): [True],
        ("parameters",): [{}],
    },
    "/v2/repository/index": {(): [{}, {"x": {}}]},
    "/v2/repository/models/simple_int8/load": {(): [{}, {"x": {}}], ("parameters",): [{}]},
    "/v2/repository/models/nope/unload": {
        (): [{}, {"x": {}}],
        ("parameters",): [{}, {"x": {}}],
        ("parameters", "unload_dependents"): [True],
    },
    "/v2/trace/setting": {
        (): [{}],
        ("trace_level",): [None, []],
        **{(name,): [None] for name in ("trace_rate", "trace_count", "log_frequency")},
    },
    "/v2/models/simple/trace/setting": {(): [{}], ("trace_level",): [None, []], ("trace_rate",): [None]},
    "/v2/logging": {
        (): [{}],
        **{(name,): [None] for name in ("log_info", "log_warning", "log_verbose_level", "log_format")},
    },
}
REQUIRED = {
    "/v2/models/simple/infer": {"inputs", "name", "datatype", "shape", "data"},
    "/v2/models/mock_llm/generate": {"PROMPT", "STREAM"},
    "/v2/systemsharedmemory/region/r/register": {"key", "byte_size"},
}


def paths(node: Any, here: Path = ()) -> Iterator[Path]:
    """Of every value in a document, the document itself first."""
    yield here
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from paths(value, (*here, key))


def replaced(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def without(document: Any, path: Path) -> Any:
    changed = copy.deepcopy(document)
    del at(changed, path[:-1])[path[-1]]
    return changed


MEMBERS = [
    (route, path) for route, body in BODIES.items() for path in paths(body) if "data" not in path or path[-1] == 0
]


@pytest.mark.parametrize(("route", "path"), MEMBERS, ids=str)
def test_a_value_of_another_kind(server: RunningServer, http: httpx.Client, route: str, path: Path) -> None:
    right, fine = at(BODIES[route], path), FINE.get(route, {}).get(path, [])
    for value in WRONG_VALUES:
        if is_same(value, right):
            continue
        reply = http.post(server.url + route, content=json.dumps(replaced(BODIES[route], path, value)).encode())
        if any(is_same(value, other) for other in fine):
            assert reply.status_code == 200, reply.text
        else:
            refused(reply, path if path[-1:] != ("name",) else ())


@pytest.mark.parametrize(("route", "path"), [member for member in MEMBERS if member[1]], ids=str)
def test_a_member_that_is_missing(server: RunningServer, http: httpx.Client, route: str, path: Path) -> None:
    """The region's other members are right, and there is no such segment."""
    reply = http.post(server.url + route, content=json.dumps(without(BODIES[route], path)).encode())
    if path[-1] in REQUIRED.get(route, ()) or "systemsharedmemory" in route:
        refused(reply, path if path[-1] != "offset" else ())
    elif type(path[-1]) is int and path[0] == "inputs":
        refused(reply, ())
    else:
        assert reply.status_code == 200, reply.text


NO_JSON = [
    *(b"{", b"{}x", b"\xff\xfe{}", b'{"a" 1}', b"[1,]", b"nul", b'{"\\ud800":1}', b'{"a":"\xff"}'),
    *(b"[" * 10**5, b'{"a":' * 10**5),
]


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: str(body[:10]))
def test_what_is_no_json(server: RunningServer, http: httpx.Client, route: str, body: bytes) -> None:
    refused(http.post(server.url + route, content=body), ())


@pytest.mark.parametrize("route", BODIES)
def test_json_that_is_nested_deeply(server: RunningServer, http: httpx.Client, route: str) -> None:
    for deep in (b"[" * 250_000 + b"]" * 250_000, b'{"x":' * 250_000 + b"1" + b"}" * 250_000):
        refused(http.post(server.url + route, content=deep), ())
        member = next(iter(BODIES[route])).encode()
        refused(http.post(server.url + route, content=b'{"%s":%s}' % (member, deep)), ())


def refused(reply: httpx.Response, path: Path) -> None:
    """As the caller's mistake, in words that name what is wrong."""
    assert 400 <= reply.status_code < 500, reply.text
    assert reply.headers["content-type"] == "application/json"
    names = [str(key) for key in path if isinstance(key, str)]
    error = reply.json()["error"]
    assert error
    assert not names or names[-1].removesuffix("s") in error, f"{names[-1]} is not named: {error}"


def is_same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as client:
        yield client


@pytest.fixture(autouse=True, scope="module")
def settings_are_put_back(server: RunningServer) -> Iterator[None]:
    yield
    cleared = dict.fromkeys(("trace_level", "trace_rate", "trace_count", "log_frequency"))
    for route in ("/v2/models/simple/trace/setting", "/v2/trace/setting"):
        assert httpx.post(server.url + route, json=cleared).status_code == 200
    shown = {"log_info": True, "log_warning": True, "log_verbose_level": 0, "log_format": "default"}
    assert httpx.post(f"{server.url}/v2/logging", json=shown).status_code == 200
    assert httpx.post(f"{server.url}/v2/repository/models/simple_int8/load").status_code == 200

"""Models that nobody should trust, given to real servers: programs from elsewhere, files that attack what reads them,
names that lead out of the repository. What is refused says why, and its neighbour answers."""

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpcclient
from onnx import parser
from tritonclient.utils import InferenceServerException
from typer.testing import CliRunner

from serving.cli import app
from serving.core.model_code import ModelCode
from serving.engine import manifest_file
from tests import python_models, tiny_models
from tests.python_models import ISOLATED
from tests.running_server import RunningServer, running
from tests.tiny_models import HEADER
from tests.web_server import WebServer, web_server

CAP = 'parameters { key: "isolation.memory_byte_size" value { string_value: "1500000000" } }'
TENSORS = """max_batch_size: 0 input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    root = tmp_path_factory.mktemp("elsewhere")
    tiny_models.add_double(root, "far_double")
    tiny_models.add_torchscript(root, "far_torch")
    python_models.add_affine(root, "far_python")
    shutil.copytree(root / "far_python", root / "far_bare")
    config = root / "far_bare" / "config.pbtxt"
    config.write_text(config.read_text().replace('backend: "python"', ""))  # its file tells what it is
    with web_server(root) as server:
        yield server


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("above") / "models"
    tiny_models.add_double(root)
    tiny_models.add_double(root.parent, "outside")
    tiny_models.add_torchscript(root, "near_torch")
    return root


@pytest.fixture(scope="module")
def server(root: Path, elsewhere: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    places, cache = (str(root), elsewhere.url), tmp_path_factory.mktemp("cache")
    with running(places, model_cache=cache, model_control_mode="explicit", load_model=("double",)) as server:
        yield server
        assert double(server) == [2, 4, 6, 8]


def double(server: RunningServer, model: str = "double") -> list[float]:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    reply = httpx.post(f"{server.url}/v2/models/{model}/infer", json={"inputs": [tensor]})
    return reply.json()["outputs"][0]["data"]  # type: ignore[no-any-return]


def load(server: RunningServer, name: str, **parameters: str) -> str:
    """Why not; "" where it could be loaded."""
    url = f"{server.url}/v2/repository/models/{name}/load"
    reply = httpx.post(url, json={"parameters": parameters}, timeout=120)
    assert reply.status_code in (200, 400), reply.text
    return "" if reply.status_code == 200 else str(reply.json()["error"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("far_torch", "'model.pt' is a TorchScript program and comes from"),
        ("far_python", "'model.py' is Python code and comes from"),
        ("far_bare", "'model.py' is Python code and comes from"),
    ],
)
def test_a_program_from_elsewhere_is_refused_alike_by_http_and_grpc(
    server: RunningServer, elsewhere: WebServer, name: str, words: str
) -> None:
    elsewhere.requests.clear()
    reason = load(server, name)
    assert f"{words} {elsewhere.url}; with --model-code local" in reason
    fetched = [line for line in elsewhere.requests if line.endswith((name + "/1/model.pt", name + "/1/model.py"))]
    assert bool(fetched) == (name == "far_bare"), "it is not even fetched, where its config tells what it is"
    client = grpcclient.InferenceServerClient(server.grpc_address)
    with client, pytest.raises(InferenceServerException) as refused:
        client.load_model(name)
    assert refused.value.message() == reason
    index = {row["name"]: row for row in httpx.post(f"{server.url}/v2/repository/index").json()}
    assert (index[name]["state"], words in index[name]["reason"]) == ("UNAVAILABLE", True)


def test_data_from_elsewhere_and_programs_from_here_are_served(server: RunningServer) -> None:
    assert load(server, "far_double") == load(server, "near_torch") == ""
    assert double(server, "far_double") == [2, 4, 6, 8]


def test_a_program_in_a_request_is_from_elsewhere_too(server: RunningServer, root: Path) -> None:
    config = httpx.get(f"{server.url}/v2/models/near_torch/config").json()
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        files = {"file:1/model.pt": (root / "near_torch" / "1" / "model.pt").read_bytes()}
        with pytest.raises(InferenceServerException, match="is a TorchScript program and comes from a load"):
            client.load_model("near_torch", config=json.dumps(config), files=files)


def test_a_request_names_no_file_of_an_accelerator(server: RunningServer) -> None:
    config = httpx.get(f"{server.url}/v2/models/double/config").json()
    asked = {"name": "openvino", "parameters": {"cache_dir": "/tmp"}}
    config["optimization"] = {"execution_accelerators": {"cpu_execution_accelerator": [asked]}}
    assert "openvino's cache_dir names a file of the server" in load(server, "double", config=json.dumps(config))


@pytest.mark.parametrize(
    ("allowed", "served"),
    [(ModelCode.NEVER, {"double", "far_double"}), (ModelCode.ALWAYS, {"double", "far_double", "far_torch"})],
)
def test_programs_may_come_from_everywhere_or_nowhere(
    root: Path, elsewhere: WebServer, tmp_path: Path, allowed: ModelCode, served: set[str]
) -> None:
    wanted = ("double", "near_torch", "far_double", "far_torch", "far_python")
    settings = {"model_control_mode": "explicit", "load_model": wanted, "model_cache": tmp_path / "cache"}
    with running((str(root), elsewhere.url), model_code=allowed, **settings) as server:
        rows = {row["name"]: row for row in httpx.post(f"{server.url}/v2/repository/index").json()}
        ready = {name for name, row in rows.items() if row.get("state") == "READY"}
        assert ready == (served if allowed is ModelCode.NEVER else served | {"near_torch", "far_python"})
        if allowed is ModelCode.NEVER:
            assert rows["near_torch"]["reason"].endswith("which this server never runs: --model-code never")


def test_a_program_from_elsewhere_is_not_measured_either(elsewhere: WebServer, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["tune", "far_torch", elsewhere.url, "--model-cache", str(tmp_path)])
    assert told.exit_code != 0
    assert "is a TorchScript program and comes from" in told.output


class Harm:
    """Unpickling it leaves a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("file", ["model.onnx", "golden.npz", "model.pt"])
def test_a_pickle_in_place_of_any_file_is_refused_and_not_run(
    server: RunningServer, root: Path, file: str, tmp_path: Path
) -> None:
    folder, harm = root / "poisoned", Harm(tmp_path / "harm")
    shutil.copytree(root / ("near_torch" if file == "model.pt" else "double"), folder)
    try:
        if file == "golden.npz":
            np.savez(folder / "1" / file, allow_pickle=True, input__x=np.array([harm], dtype=object))
        else:
            (folder / "1" / file).write_bytes(pickle.dumps(harm))
        assert file in load(server, "poisoned")
        assert not (tmp_path / "harm").exists()
    finally:
        shutil.rmtree(folder)


def deep(levels: int) -> bytes:
    """Graphs in attributes of nodes of graphs, as protobuf writes them: ModelProto.graph is its field 7, and so on."""
    graph = b""
    for _ in range(levels):
        graph = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph)))
    return b"\x08\x0a" + field(7, graph)


def field(number: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def claims(dims: list[int], data: bytes = b"", **fields: int) -> bytes:
    """A model with a constant of other dimensions than it has data for."""
    model = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Add(x, w) }}")
    model.graph.initializer.add(name="w", dims=dims, data_type=1, raw_data=data, **fields)
    return model.SerializeToString()


NEVER_LOADED = {
    *("more elements than there are", "negative dimensions", "10 GB without data", "10 GB claimed for the next field"),
    *("graphs beyond protobuf's depth", "a function that calls itself", "an operator of somebody's library"),
    "an engine in a file",
}


def hostile() -> dict[str, bytes]:
    good = claims([4], np.ones(4, np.float32).tobytes())
    flipped = {
        f"bit {place} flipped": good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :]
        for place in range(0, len(good), 3)
    }
    cut = {f"cut at {place}": good[:place] for place in range(1, len(good), 12)}
    return {
        "more elements than there are": claims([2**62, 4]),
        "negative dimensions": claims([-4]),
        "10 GB without data": claims([2_500_000_000]),
        "10 GB claimed for the next field": good[:-1] + b"\x82\xff\xff\xff\x25" + b"x",
        "sixty thousand dimensions": claims([1] * 60_000, bytes(4)),
        "graphs in graphs": deep(30),
        "graphs beyond protobuf's depth": deep(60),
        "a function that calls itself": _endless(),
        "an operator of somebody's library": good.replace(b"\x22\x03Add", b"\x22\x03Bad"),
        "an engine in a file": _engine("../../outside/1/model.onnx"),
        **flipped,
        **cut,
    }


def _engine(path: str) -> bytes:
    """As execution providers keep what they compiled."""
    model = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Identity(x) }}")
    fields = {"ep_cache_context": path, "embed_mode": 0, "main_context": 1}
    model.graph.node[0].CopyFrom(onnx.helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", **fields))
    model.opset_import.add(domain="com.microsoft", version=1)
    return model.SerializeToString()


def _endless() -> bytes:
    text = """g (float[4] x) => (float[4] y) { y = local.f(x) }
    <domain: "local", opset_import: ["local" : 1]> f (a) => (b) { b = local.f(a) }"""
    return parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21, "local" : 1]>{text}').SerializeToString()


def test_whatever_an_onnx_file_holds_the_server_is_there_afterwards(server: RunningServer, root: Path) -> None:
    tiny_models.write_config(root, "hostile", f'backend: "onnxruntime" {TENSORS}')
    path = root / "hostile" / "1" / "model.onnx"
    path.parent.mkdir()
    refused = 0
    for what, content in hostile().items():
        path.write_bytes(content)
        reason = load(server, "hostile")
        assert reason if what in NEVER_LOADED else not reason or "hostile" in reason, what
        refused += bool(reason)
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200, what
        assert str(root.parent) not in reason
    assert refused >= 20
    assert double(server) == [2, 4, 6, 8]


def test_a_model_that_wants_more_memory_than_its_process_may_have_costs_nobody_else(
    server: RunningServer, root: Path
) -> None:
    model = parser.parse_model(
        f"""{HEADER}
        g (float[4] x) => (float[4] y) <int64[2] shape = {{32768, 32768}}> {{
            huge = ConstantOfShape(shape)
            sum = ReduceMax <keepdims=0> (huge)
            y = Add(x, sum)
        }}"""
    )
    tiny_models.write_config(root, "huge", f'backend: "onnxruntime" {TENSORS} {ISOLATED} {CAP}')
    (root / "huge" / "1").mkdir()
    onnx.save(model, root / "huge" / "1" / "model.onnx")
    assert load(server, "huge") == ""
    failed = httpx.post(f"{server.url}/v2/models/huge/infer", json=vector(0))
    assert (failed.status_code, "memory" in failed.text) == (500, True), failed.text
    weights = tiny_models.add_table(root, "heavy") / "weights.bin"
    with weights.open("ab") as file:
        file.truncate(3_000_000_000)  # of which nothing is on the disk
    with (root / "heavy" / "config.pbtxt").open("a") as file:
        file.write(f"{ISOLATED} {CAP}")
    assert "UNAVAILABLE state: it needs more memory than its process may have" in load(server, "heavy")
    source = """
    import numpy as np
    class Model:
        def execute(self, request):
            asked = int(request.inputs["x"][0])
            return {"y": request.inputs["x"] + np.ones(asked, np.uint8)[:4].sum() * 0}
    """
    python_models.add_model(root, "greedy", f"{TENSORS} {ISOLATED} {CAP}", source)
    assert load(server, "greedy") == ""
    for size, status in ((10, 200), (4_000_000_000, 500), (10, 200)):
        reply = httpx.post(f"{server.url}/v2/models/greedy/infer", json=vector(size), timeout=60)
        assert reply.status_code == status, reply.text
    assert 'slipway_instance_restarts_total{model="greedy",version="1"} 0\n' in server.metrics()


@pytest.mark.parametrize(("kind", "columns"), [("double", 4), ("near_torch", 3)])
def test_a_damaged_file_of_any_kind_leaves_the_version_that_serves(
    server: RunningServer, root: Path, kind: str, columns: int
) -> None:
    model = f"kept_{kind}"
    shutil.copytree(root / kind, root / model)
    version, config = root / model / "1", root / model / "config.pbtxt"
    for name in ("tokenizer.json", "model.safetensors"):
        (version / name).write_bytes(bytes(range(256)))
    listed = {path.name for path in version.iterdir()}
    manifest_file.write(version, model, int)
    assert load(server, model) == ""
    tensor = {"name": "x", "shape": [1, columns], "datatype": "FP32", "data": list(range(columns))}

    def answer() -> str:
        return httpx.post(f"{server.url}/v2/models/{model}/infer", json={"inputs": [tensor]}).text

    before = answer()
    assert '"data":[' in before
    for path in (config, *version.iterdir()):
        content, middle = path.read_bytes(), path.stat().st_size // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        for damaged in (content[:middle], flipped) if path.name in listed else (content[:middle],):
            path.write_bytes(damaged)
            assert path.name in load(server, model)
            assert answer() == before
        path.write_bytes(content)
    assert load(server, model) == ""


def vector(first: float) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [4], "datatype": "FP32", "data": [first, 0, 0, 0]}]}


NAMES = [
    *("..", "../outside", "/outside", "a/../../outside", "double/../../outside", "..\\outside", "./double"),
    *("%2e%2e/outside", "..%2foutside", "%2e%2e%2foutside", "..%252foutside", "%252e%252e/outside", "..%5coutside"),
    *("..%c0%afoutside", "\uff0e\uff0e/outside", "..\u2215outside", "outside%00", "%2e%2e%2foutside%00", "%2Fetc"),
]
READ = ("", "/config", "/ready", "/stats", "/versions", "/versions/1/config", "/versions/%2e%2e%2f1/config")
ASKED = ("/infer", "/generate", "/versions/1/infer", "/versions/..%2f1/infer")
CHANGED = ("load", "unload", "promote")


def test_no_name_leads_out_of_the_repository_by_http(server: RunningServer, root: Path) -> None:
    asked = [("GET", f"/v2/models/{name}{rest}") for name in NAMES for rest in READ]
    asked += [("POST", f"/v2/models/{name}{rest}") for name in NAMES for rest in ASKED]
    asked += [("POST", f"/v2/repository/models/{name}/{what}") for name in NAMES for what in CHANGED]
    asked += [("GET", f"/v2/models/double/versions/{number}/config") for number in ("..%2f1", "%2e%2e", "1%2f..", "-1")]
    connection = HTTPConnection(server.address)  # which sends a path as it is
    for method, path in asked:
        connection.request(method, quote(path, safe="/%\\"), body="{}" if method == "POST" else None)
        reply = connection.getresponse()
        text = reply.read().decode()
        is_unloaded = path.endswith("/unload") and not text  # as what is not there is
        assert is_unloaded or 400 <= reply.status < 500, f"{method} {path}: {reply.status} {text}"
        assert str(root.parent) not in text
    connection.close()
    assert "outside" not in {row["name"] for row in httpx.post(f"{server.url}/v2/repository/index").json()}


def test_no_name_leads_out_of_the_repository_by_grpc(server: RunningServer, root: Path) -> None:
    refusals = ("INVALID_ARGUMENT", "NOT_FOUND", "UNAVAILABLE", "INTERNAL")  # Triton's for a folder that is not there
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(np.ones((1, 4), np.float32))
        for name in (*NAMES, "outside\0", "\0"):
            for call in (
                client.get_model_config,
                client.get_model_metadata,
                client.get_inference_statistics,
                client.load_model,
                lambda name: client.infer(name, [tensor]),
                lambda name: client.infer("double", [tensor], model_version=name),
            ):
                with pytest.raises(InferenceServerException) as refused:
                    call(name)
                assert str(refused.value.status()).removeprefix("StatusCode.") in refusals, (name, call)
                assert str(root.parent) not in refused.value.message()
            assert not client.is_model_ready(name)

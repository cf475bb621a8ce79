"""A model whose versions tell themselves apart: version v answers v times its input, and proves it with golden rows."""

import hashlib
import json
import secrets
from pathlib import Path

import httpx
import numpy as np

from serving.core import golden
from serving.core.golden import GoldenRows
from tests.running_server import RunningServer
from tests.tiny_models import write_config, write_onnx

NAME = "scaled"
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


def add_scaled(root: Path, *versions: int, extra: str = "", name: str = NAME) -> None:
    """y = version * x over rows of 4 floats, with a manifest and golden rows in each version."""
    write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        dynamic_batching {{ }} {extra}""",
    )
    for version in versions:
        publish(root, version, name=name)


def publish(
    root: Path, version: int, factor: float | None = None, name: str = NAME, golden_factor: float | None = None
) -> Path:
    """A version in one rename, as `slipway train` does it; one with another `factor` than that of its golden rows,
    which is the version's number unless given, fails them."""
    staging = root / name / f".publishing-{secrets.token_hex(4)}"
    write_onnx(
        staging / "model.onnx",
        "g (float[n, 4] x) => (float[n, 4] y) { y = Mul(x, factor) }",
        factor=np.array(version if factor is None else factor, np.float32),
    )
    (staging / golden.FILENAME).write_bytes(
        golden.encode(GoldenRows({"x": ROWS}, {"y": ROWS * (golden_factor or version)}))
    )
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in staging.iterdir()
    }
    (staging / "manifest.json").write_text(json.dumps({"files": files}))
    return staging.rename(root / name / str(version))


def request() -> dict[str, object]:
    """As JSON, for one row of ones."""
    return {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 1, 1, 1]}]}


def current(server: RunningServer) -> str:
    """The version that answers."""
    return httpx.get(f"{server.url}/v2/models/{NAME}/versions").json().get("current", "")  # type: ignore[no-any-return]


def index(server: RunningServer) -> dict[str, tuple[str, str]]:
    """State and reason by version, of all models."""
    rows = httpx.post(f"{server.url}/v2/repository/index").json()
    return {row.get("version", ""): (row.get("state", ""), row.get("reason", "")) for row in rows}

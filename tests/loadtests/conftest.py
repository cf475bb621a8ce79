"""A server over a tiny model of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import python_models, tiny_decoders, tiny_encoders, tiny_models
from tests.loadtests import certificates
from tests.running_server import RunningServer, running

TYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "BF16": "bfloat16",
    "FP32": "float",
    "FP64": "double",
    "BYTES": "string",
}


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("kinds")
    tiny_models.add_double(root)
    tiny_models.add_lookup(root)
    tiny_models.add_brightness(root)
    tiny_models.add_rows(root)
    tiny_models.add_chart(root)
    tiny_models.add_spot(root)
    tiny_models.add_listener(root)
    for datatype, name in TYPES.items():
        config = "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"
        tiny_models.add_identity(root, f"identity_{datatype}", config, name)
    tiny_encoders.add_tiny_encoder(root)
    tiny_encoders.add_tiny_text_classifier(root)
    tiny_decoders.add_tiny_decoder(root)
    python_models.add_mock_llm(root)
    python_models.add_endless_tokens(root)
    _add_counter(root)
    with running(root) as server:
        yield server


def _add_counter(root: Path) -> None:
    """Counts a sequence's requests, and refuses those that belong to none."""
    tiny_models.write_config(
        root,
        "counter",
        """backend: "onnxruntime"
        input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "sum" data_type: TYPE_FP32 dims: 1 }
        sequence_batching { max_sequence_idle_microseconds: 60000000
            state { input_name: "before" output_name: "after" data_type: TYPE_FP32 dims: 1 } }
        max_batch_size: 4""",
    )
    tiny_models.write_onnx(
        root / "counter" / "1" / "model.onnx",
        """g (float[n, 1] x, float[n, 1] before) => (float[n, 1] sum, float[n, 1] after) {
            sum = Add(x, before)
            after = Identity(sum)
        }""",
    )


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificate:
    return certificates.certificate(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture(scope="session")
def strange(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificate:
    """For a name that no server here has."""
    return certificates.certificate(tmp_path_factory.mktemp("strange"), "other.test")

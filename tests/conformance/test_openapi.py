"""What the documentation promises, held against the server by generated requests: sound ones, and broken ones.

Rule: no reply is an internal error, and none has a status, content type or shape that is not documented. `make fuzz`
sets SLIPWAY_API_EXAMPLES, with which they are many, and others each time.
"""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests import tiny_models
from tests.conformance import behaviours, models
from tests.running_server import RunningServer, running
from tests.tiny_decoders import add_tiny_decoder
from tests.tiny_encoders import add_tiny_encoder, add_tiny_text_classifier

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
NAMES = {
    "model": [
        "simple",
        "running_sum",
        "repeat_int32",
        "brightness",
        "spot",
        "opaque",
        "writer",
        "encoder",
        "topics",
        "drawing",
        "chart",
        "nope",
    ],
    "version": ["1", "2"],
    "region": ["numbers"],
}


@pytest.fixture(scope="module")
def fuzzed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With everything allowed, which generated requests then do."""
    root = tmp_path_factory.mktemp("fuzzed")
    models.add_add_sub(root, "simple", "INT32")
    models.add_repeat(root)
    behaviours.add_running_sum(root)
    behaviours.add_opaque(root)
    tiny_models.add_brightness(root)
    tiny_models.add_drawing(root)
    tiny_models.add_chart(root)
    tiny_models.add_spot(root)
    add_tiny_decoder(root)
    add_tiny_encoder(root)
    add_tiny_text_classifier(root)
    with running(root, model_control_mode="explicit", load_model=("*",), allow_shared_memory=True) as server:
        yield server


@pytest.fixture(scope="module")
def document(fuzzed_server: RunningServer) -> Any:
    """With names of what is there in its paths, so that more than look-ups is reached."""
    document = httpx.get(f"{fuzzed_server.url}/openapi.json").json()
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in NAMES:
                    parameter["schema"] = {"anyOf": [{"enum": NAMES[parameter["name"]]}, parameter["schema"]]}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=fuzzed_server.url)
    return schema


MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
EXAMPLES = int(os.environ.get("SLIPWAY_API_EXAMPLES", "0"))
some = settings(
    max_examples=EXAMPLES or 8,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_generated_requests(document: Any, subtests: pytest.Subtests, mode: schemathesis.GenerationMode) -> None:
    for operation in (result.ok() for result in document.get_all_operations()):
        if mode is schemathesis.GenerationMode.POSITIVE or operation.body:  # what is no body is any string, never wrong
            with subtests.test(operation.label):
                some(given(operation.as_strategy(generation_mode=mode))(check))()


def check(case: schemathesis.Case) -> None:
    reply = case.call(timeout=10)
    assert reply.status_code != 500, reply.text
    case.validate_response(reply, checks=CHECKS)


def test_the_server_is_as_it_was(fuzzed_server: RunningServer) -> None:
    """After all of that; some of it may have unloaded models."""
    assert httpx.get(f"{fuzzed_server.url}/v2/health/ready").json() == {"ready": True}
    assert httpx.post(f"{fuzzed_server.url}/v2/repository/models/simple/load").status_code == 200
    assert httpx.get(f"{fuzzed_server.url}/v2/models/simple/ready").status_code == 200

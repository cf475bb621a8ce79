"""What `/versions` says of a model on which nothing is on trial; tests/integration/test_rollout.py has the others."""

from pathlib import Path

import httpx

from tests import scaled_models
from tests.running_server import RunningServer, running


def test_versions_with_their_states_and_shares(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, 3, extra="version_policy { specific { versions: [ 1, 3 ] } }")
    with running(tmp_path) as server:
        assert httpx.get(f"{server.url}/v2/models/scaled/versions").json() == {
            "model_name": "scaled",
            "current": "3",
            "reason": "",
            "versions": [
                {"version": "1", "state": "READY", "reason": "", "traffic_percent": 0.0, "report": ""},
                {"version": "3", "state": "READY", "reason": "", "traffic_percent": 100.0, "report": ""},
            ],
            "rollout": None,
            "last_rollout": None,
        }


def test_an_unknown_model(tiny_server: RunningServer) -> None:
    reply = httpx.get(f"{tiny_server.url}/v2/models/nope/versions")
    assert (reply.status_code, reply.json()) == (400, {"error": "Request for unknown model: 'nope' is not found"})


def test_a_model_that_can_not_be_loaded_says_why(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, extra="nonsense")
    with running(tmp_path) as server:
        document = httpx.get(f"{server.url}/v2/models/scaled/versions").json()
        assert (document["current"], document["versions"]) == ("", [])
        assert document["reason"].startswith("config.pbtxt, line:column")

"""A server that starts again, or another replica: what serves is what would serve if it had never stopped."""

import shutil
from collections import Counter
from pathlib import Path

import httpx
import pytest
from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig
from typer.testing import CliRunner

from serving.cli import app
from serving.exit_codes import ExitCode
from tests import scaled_models
from tests.integration.test_rollout import ask, load, policy, versions
from tests.running_server import RunningServer, running, until
from tests.scaled_models import NAME, current, index
from tests.slipway_command import FREE_PORTS
from tests.tiny_models import write_config

RULES = policy(strategy="canary", percent=50, min_requests=10, max_latency_ratio=100)


def turn(server: RunningServer, action: str, version: str = "") -> httpx.Response:
    path = f"{NAME}/versions/{version}" if version else NAME
    return httpx.post(f"{server.url}/v2/models/{path}/{action}")


def break_version(root: Path, version: str) -> None:
    (root / NAME / version / "model.onnx").write_bytes(b"broken")


def test_a_start_falls_back_to_the_version_that_would_still_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    break_version(tmp_path, "2")
    with running(tmp_path, model_control_mode="poll", strict_readiness=True) as server:
        assert (current(server), ask(server).status_code) == ("1", 200)
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        assert index(server)["1"] == ("READY", "")
        assert index(server)["2"][0] == "UNAVAILABLE"
        assert "is not the file that was published" in index(server)["2"][1]
        assert server.metric(f'slipway_model_load_failures_total{{model="{NAME}"}}') == 1
        scaled_models.publish(tmp_path, 3)
        until(lambda: current(server) == "3", "a version that is right takes over")
    assert "scaled version 2 is UNAVAILABLE" in caplog.text


def test_a_start_can_be_made_to_fail_where_the_newest_version_does(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    break_version(tmp_path, "2")
    done = CliRunner().invoke(app, ["serve", str(tmp_path), "--exit-on-error", *FREE_PORTS])
    assert done.exit_code == ExitCode.MODEL_FAILED
    assert "scaled 2: 'model.onnx' is not the file that was published" in done.stderr


def test_a_version_that_was_on_trial_is_on_trial_after_a_restart(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, extra=RULES)
    for _ in range(2):
        with running(tmp_path) as server:
            shares = {version["version"]: version["traffic_percent"] for version in versions(server)["versions"]}
            assert (current(server), shares) == ("1", {"1": 50.0, "2": 50.0})
    with running(tmp_path) as server:
        until(lambda: ask(server).is_success and versions(server)["rollout"] is None, "the trial ends")
        last = versions(server)["last_rollout"]
        assert (current(server), last["promoted"]) == ("1", False)
        assert last["reason"].startswith("it answers differently")
        assert last["progress"]["requests_needed"] == 0


def test_what_was_decided_outlives_a_restart_with_a_state_file(tmp_path: Path) -> None:
    root, state = tmp_path / "models", tmp_path / "state.json"
    scaled_models.add_scaled(root, 1, 2, extra=RULES + policy(max_disagreement=1))
    with running(root, state_file=state) as server:
        until(lambda: ask(server).is_success and current(server) == "2", "it is promoted")
    with running(root, state_file=state) as server:
        assert (current(server), versions(server)["rollout"]) == ("2", None), "it proved itself before"
        assert turn(server, "rollback").json()["version"] == "1"
    with running(root, state_file=state) as server:
        assert (current(server), index(server)["2"]) == ("1", ("UNAVAILABLE", "rolled back: by hand"))
        assert turn(server, "promote").json()["version"] == "2"
        turn(server, "rollback")
    scaled_models.publish(root, 3)
    with running(root, state_file=state) as server:
        assert versions(server)["rollout"]["current"] == "1", "a new one is tried beside what served, not what failed"
        assert versions(server)["rollout"]["candidate"] == "3"


def test_a_version_is_promoted_and_rolled_back_by_its_number(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, 3)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        done = CliRunner().invoke(app, ["models", "promote", NAME, "--version", "1", "--url", server.url])
        assert done.stdout == f"{NAME}: version 1 gets all requests that name no version.\n"
        assert Counter(ask(server).json()["model_version"] for _ in range(4)) == {"1": 4}
        assert index(server)["3"] == ("UNAVAILABLE", "rolled back: version 1 was promoted by hand")
        done = CliRunner().invoke(app, ["models", "rollback", NAME, "--version", "2", "--url", server.url])
        assert (done.exit_code, current(server)) == (0, "1")
        assert turn(server, "promote", "3").json() == {"model_name": NAME, "version": "3"}
        assert turn(server, "promote", "3").json() == {"model_name": NAME, "version": "3"}, "said twice is said once"
        assert turn(server, "rollback").json()["version"] == "1", "not 2, which was rolled back"
        for action in ("promote", "rollback"):
            refused = turn(server, action, "9")
            assert (refused.status_code, refused.json()["error"]) == (400, f"'{NAME}' has no version 9; it has 1, 2, 3")


def test_of_a_trial_either_version_can_be_named(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, extra=policy(strategy="canary", percent=1))
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        scaled_models.publish(tmp_path, 2)
        load(server)
        refused = turn(server, "rollback", "1")
        assert (refused.status_code, "version 1 is what version 2 is compared with" in refused.text) == (400, True)
        assert turn(server, "promote", "1").json()["version"] == "1"
        assert (index(server)["2"], versions(server)["last_rollout"]["reason"]) == (
            ("UNAVAILABLE", "rolled back: by hand"),
            "by hand",
        )
        assert turn(server, "promote", "2").json()["version"] == "2"


def test_a_decision_that_could_not_be_carried_out_is_not_remembered(tmp_path: Path) -> None:
    root, state = tmp_path / "models", tmp_path / "state.json"
    scaled_models.add_scaled(root, 1, 2, 3)
    break_version(root, "1")
    break_version(root, "2")
    with running(root, state_file=state) as server:
        for action, version in (("rollback", ""), ("promote", "1"), ("rollback", "3")):
            refused = turn(server, action, version)
            assert (refused.status_code, "is not the file that was published" in refused.text) == (400, True)
            assert (current(server), ask(server).status_code) == ("3", 200)
    with running(root, state_file=state) as server:
        assert (current(server), index(server)["3"]) == ("3", ("READY", ""))


def test_a_rollback_goes_to_a_version_that_the_policy_selects_or_nowhere(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, 3, extra="version_policy { specific { versions: [ 1, 3 ] } }")
    with running(tmp_path) as server:
        refused = turn(server, "promote", "2")
        assert (refused.status_code, "version_policy does not select it" in refused.text) == (400, True)
        assert (current(server), list(index(server))) == ("3", ["1", "3"])
        assert turn(server, "rollback").json()["version"] == "1"
        assert turn(server, "rollback").status_code == 400
        assert turn(server, "promote").json()["version"] == "3"


def test_a_copy_of_what_was_rolled_back_is_rolled_back(tmp_path: Path) -> None:
    root, state = tmp_path / "models", tmp_path / "state.json"
    scaled_models.add_scaled(root, 1, 2)
    with running(root, state_file=state, model_control_mode="poll") as server:
        turn(server, "rollback")
        (root / NAME / "2" / "model.onnx").touch()
        scaled_models.publish(root, 0)
        until(lambda: server.metric(f'slipway_model_loads_total{{model="{NAME}"}}') != 2, "it was looked at again")
        assert (current(server), index(server)["2"][1]) == ("1", "rolled back: by hand")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    with running(copy, state_file=state) as server:
        assert (current(server), index(server)["2"][1]) == ("1", "rolled back: by hand")
    (copy / NAME / "2" / "more.txt").write_text("its content is another now")
    with running(copy, state_file=state) as server:
        assert current(server) == "2"


@pytest.mark.parametrize("policy_text", ["latest { num_versions: 2 }", "all { }"])
def test_whatever_came_meanwhile_is_tried_beside_what_served_last(tmp_path: Path, policy_text: str) -> None:
    root, state = tmp_path / "models", tmp_path / "state.json"
    scaled_models.add_scaled(root, 1, extra=f"{RULES} version_policy {{ {policy_text} }}")
    with running(root, state_file=state) as server:
        assert current(server) == "1"
    for version in (2, 3):
        scaled_models.publish(root, version)
    for candidate in ("3", "2"):
        with running(root, state_file=state) as server:
            trial = versions(server)["rollout"]
            assert (current(server), trial["current"], trial["candidate"]) == ("1", "1", candidate)
        break_version(root, "3")


def test_a_load_by_request_leaves_a_rollback_as_it_is(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        turn(server, "rollback")
        config = (tmp_path / NAME / "config.pbtxt").read_text()
        as_json = json_format.MessageToJson(text_format.Parse(config, ModelConfig()))
        for parameters in ({}, {"parameters": {"config": as_json}}):
            reply = httpx.post(f"{server.url}/v2/repository/models/{NAME}/load", json=parameters, timeout=60)
            assert (reply.status_code, current(server)) == (200, "1")
            assert index(server)["2"] == ("UNAVAILABLE", "rolled back: by hand")
        assert turn(server, "promote").json()["version"] == "2"


def test_a_model_that_was_asked_for_and_is_not_there_costs_strict_readiness(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME, "nope"), strict_readiness=True) as server:
        assert httpx.get(f"{server.url}/v2/health/ready").status_code != 200
        rows = httpx.post(f"{server.url}/v2/repository/index").json()
        [row] = [row for row in rows if row["name"] == "nope"]
        assert (row["state"], "has no folder 'nope'" in row["reason"]) == ("UNAVAILABLE", True)


def test_an_ensemble_follows_the_versions_of_its_steps(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    step = 'input_map { key: "x" value: "x" } output_map { key: "y" value: "y" }'
    write_config(
        tmp_path,
        "above",
        f"""platform: "ensemble" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        ensemble_scheduling {{ step {{ model_name: "{NAME}" model_version: 2 {step} }} }}""",
    )
    with running(tmp_path) as server:
        assert ask(server, "above").json()["outputs"][0]["data"] == [2, 2, 2, 2]
        turn(server, "rollback")
        assert ask(server, "above").status_code == 503
        turn(server, "promote")
        assert ask(server, "above").json()["outputs"][0]["data"] == [2, 2, 2, 2]

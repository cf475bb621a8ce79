"""A new version on trial: canary and shadow, promotion and rollback, by itself and by hand."""

import shutil
from collections import Counter
from pathlib import Path
from time import monotonic

import httpx
import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests import python_models, scaled_models
from tests.callers import callers_of
from tests.running_server import RunningServer, running, until
from tests.scaled_models import NAME, current, index


def policy(**parameters: object) -> str:
    return " ".join(
        f'parameters {{ key: "rollout.{key}" value {{ string_value: "{value}" }} }}'
        for key, value in parameters.items()
    )


def versions(server: RunningServer, model: str = NAME) -> dict[str, object]:
    return httpx.get(f"{server.url}/v2/models/{model}/versions").json()  # type: ignore[no-any-return]


def ask(server: RunningServer, model: str = NAME, version: str = "") -> httpx.Response:
    path = f"{model}/versions/{version}" if version else model
    return httpx.post(f"{server.url}/v2/models/{path}/infer", json=scaled_models.request())


def load(server: RunningServer, model: str = NAME) -> None:
    httpx.post(f"{server.url}/v2/repository/models/{model}/load").raise_for_status()


def test_a_canary_gets_its_share_and_is_promoted_when_it_is_as_good(tmp_path: Path) -> None:
    rules = policy(strategy="canary", percent=25, min_requests=40, max_disagreement=1, max_latency_ratio=100)
    scaled_models.add_scaled(tmp_path, 1, extra=rules)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        scaled_models.publish(tmp_path, 2)
        load(server)
        answers = Counter(ask(server).json()["model_version"] for _ in range(80))
        assert answers == {"1": 60, "2": 20}
        assert ask(server, version="2").json()["model_version"] == "2"
        found = versions(server)
        assert [(row["version"], row["traffic_percent"]) for row in found["versions"]] == [("1", 75.0), ("2", 25.0)]
        assert found["rollout"]["candidate_requests"]["count"] == 20
        assert index(server)["2"] == ("READY", "on trial: canary for 25% of the requests")
        assert server.metric(f'slipway_rollout_requests{{model="{NAME}",version="2"}}') == 20
        assert server.metric(f'slipway_rollout_percent{{model="{NAME}",version="2"}}') == 25
        with callers_of(server) as callers:
            until(lambda: current(server) == "2", "it is promoted")
            until(lambda: "1" not in index(server), "the old version goes")
        assert callers.failures == []
        assert versions(server)["rollout"] is None
        assert server.metric(f'slipway_model_promotions_total{{model="{NAME}"}}') == 1


FAILING = """
class Model:
    def execute(self, request):
        raise RuntimeError("I am worse")
"""
GOOD = """
class Model:
    def execute(self, request):
        return {"y": request.inputs["x"] * 1}
"""


def add_python(root: Path, rules: str) -> None:
    tensors = """max_batch_size: 8 dynamic_batching { } input { name: "x" data_type: TYPE_FP32 dims: 4 }
    output { name: "y" data_type: TYPE_FP32 dims: 4 } """
    python_models.add_model(root, NAME, tensors + rules, GOOD)


def add_version(root: Path, version: int, source: str) -> None:
    directory = root / NAME / str(version)
    directory.mkdir()
    (directory / "model.py").write_text(source)


def test_a_canary_that_fails_is_rolled_back_and_no_caller_notices(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_python(tmp_path, policy(strategy="canary", percent=50, min_requests=1000))
    with running(tmp_path, model_control_mode="poll") as server, callers_of(server) as callers:
        add_version(tmp_path, 2, FAILING)
        until(lambda: "rolled back" in index(server).get("2", ("", ""))[1], "it is rolled back")
        assert index(server)["2"][0] == "UNAVAILABLE"
        assert versions(server)["rollout"] is None
        assert "version 2 is rolled back: it fails more often: " in caplog.text
        assert server.metric(f'slipway_model_rollbacks_total{{model="{NAME}"}}') == 1
        httpx.post(f"{server.url}/v2/repository/index")
        (tmp_path / NAME / "2" / "model.py").write_text(GOOD)  # mended, it gets another trial
        until(lambda: versions(server)["rollout"], "it is tried again")
    assert callers.failures == []


def test_a_version_that_was_rolled_back_stays_away_while_others_come_and_go(tmp_path: Path) -> None:
    add_python(tmp_path, policy(strategy="canary", percent=50, min_requests=1000))
    with running(tmp_path, model_control_mode="poll", repository_poll_secs=0.5) as server:
        add_version(tmp_path, 2, FAILING)
        until(lambda: versions(server).get("rollout"), "the trial begins")
        assert CliRunner().invoke(app, ["models", "rollback", NAME, "--url", server.url]).exit_code == 0
        (tmp_path / NAME / "notes.txt").write_text("touched")
        until(lambda: server.metric(f'slipway_model_loads_total{{model="{NAME}"}}') >= 3, "it was loaded anew")
        assert index(server)["2"] == ("UNAVAILABLE", "rolled back: by hand")
        assert current(server) == "1"


def test_a_canary_that_is_slower_is_rolled_back(tmp_path: Path) -> None:
    add_python(tmp_path, policy(strategy="canary", percent=50, min_requests=30, max_latency_ratio=3))
    slow = GOOD.replace("class", "import time\nclass").replace("return", "time.sleep(0.05)\n        return")
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        add_version(tmp_path, 2, slow)
        load(server)
        with callers_of(server, 1) as callers:
            until(lambda: "it is slower" in index(server)["2"][1], "it is rolled back")
    assert callers.failures == []


def test_a_shadow_answers_nobody_and_is_compared(tmp_path: Path) -> None:
    rules = policy(strategy="shadow", percent=50, min_requests=20, max_disagreement=0.5, max_latency_ratio=100)
    scaled_models.add_scaled(tmp_path, 1, extra=rules)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        scaled_models.publish(tmp_path, 2)
        load(server)
        assert index(server)["2"] == ("READY", "on trial: shadow for 50% of the requests")
        with callers_of(server) as callers:
            until(lambda: "it answers differently" in index(server)["2"][1], "it is rolled back")
        assert callers.failures == []
        assert {version for version, _ in callers.answers} == {"1"}


def test_an_equal_shadow_takes_over_and_by_hand_there_is_a_way_back_and_forth(tmp_path: Path) -> None:
    rules = policy(strategy="shadow", percent=50, min_requests=20, max_latency_ratio=100)
    scaled_models.add_scaled(tmp_path, 1, extra=rules)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        directory = scaled_models.publish(tmp_path, 2, factor=1)
        for name in ("golden.npz", "manifest.json"):
            (directory / name).unlink()
        load(server)
        with callers_of(server) as callers:
            until(lambda: current(server) == "2", "it takes over")
            done = CliRunner().invoke(app, ["models", "rollback", NAME, "--url", server.url])
            assert done.stdout == f"{NAME}: version 1 gets all requests that name no version.\n"
            assert (current(server), index(server)["2"]) == ("1", ("UNAVAILABLE", "rolled back: by hand"))
            done = CliRunner().invoke(app, ["models", "promote", NAME, "--url", server.url])
            assert done.stdout == f"{NAME}: version 2 gets all requests that name no version.\n"
            assert (current(server), list(index(server))) == ("2", ["2"])
        assert callers.failures == []


def test_a_person_decides_where_promotion_is_not_automatic(tmp_path: Path) -> None:
    rules = policy(strategy="canary", percent=50, min_requests=5, automatic="false", max_latency_ratio=100)
    scaled_models.add_scaled(tmp_path, 1, extra=rules + policy(max_disagreement=1))
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        scaled_models.publish(tmp_path, 2)
        load(server)
        assert {ask(server).status_code for _ in range(30)} == {200}
        assert (current(server), versions(server)["rollout"]["candidate_requests"]["count"]) == ("1", 15)
        assert httpx.post(f"{server.url}/v2/models/{NAME}/promote").json() == {"model_name": NAME, "version": "2"}
        assert current(server) == "2"


def test_what_can_not_be_promoted_or_rolled_back_says_why(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path) as server:
        replies = [httpx.post(f"{server.url}/v2/models/{path}") for path in (f"{NAME}/promote", f"{NAME}/rollback")]
        assert [reply.status_code for reply in replies] == [400, 400]
        assert "no version that could be promoted" in replies[0].text
        assert "no earlier version than 1" in replies[1].text
        assert httpx.post(f"{server.url}/v2/models/nope/promote").status_code == 400
        assert CliRunner().invoke(app, ["models", "promote", "nope", "--url", server.url]).exit_code == 1


def test_rules_that_are_wrong_are_named(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, extra=policy(strategy="canary", percent=120))
    with running(tmp_path) as server:
        assert index(server)[""][1] == "parameters.rollout.percent must be a number from 0.1 to 99, got '120'"


def turn(server: RunningServer, action: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/models/{NAME}/{action}")


def test_a_rollback_passes_over_broken_and_newer_versions(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        (tmp_path / NAME / "3").mkdir()
        (tmp_path / NAME / "3" / "model.onnx").write_bytes(b"broken")
        assert httpx.post(f"{server.url}/v2/repository/models/{NAME}/load").status_code == 400
        assert turn(server, "rollback").json() == {"model_name": NAME, "version": "1"}
        shutil.rmtree(tmp_path / NAME / "3")
        scaled_models.publish(tmp_path, 4)
        assert turn(server, "promote").json() == {"model_name": NAME, "version": "2"}, "not one that nobody tried"
        assert turn(server, "rollback").json() == {"model_name": NAME, "version": "1"}
        shutil.rmtree(tmp_path / NAME / "2")
        refused = turn(server, "promote")
        assert (refused.status_code, "no version 2; it has 1, 4" in refused.text) == (400, True)
        assert ask(server).json()["model_version"] == "1"


def test_a_rollback_that_fails_leaves_what_serves(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        (tmp_path / NAME / "1" / "model.onnx").write_bytes(b"broken")
        assert turn(server, "rollback").status_code == 400
        assert ask(server).json()["model_version"] == "2"
        assert turn(server, "promote").status_code == 400, "nothing was rolled back"
        shutil.rmtree(tmp_path / NAME / "2")
        assert turn(server, "rollback").status_code == 400
        assert ask(server).json()["model_version"] == "2"


def test_a_candidate_that_hangs_costs_nobody_an_answer_and_is_rolled_back(tmp_path: Path) -> None:
    add_python(tmp_path, policy(strategy="canary", percent=50, min_requests=1000, max_latency_ratio=1))
    hanging = GOOD.replace("class", "import time\nclass").replace("return", "time.sleep(4)\n        return")
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        add_version(tmp_path, 2, hanging)
        load(server)
        with callers_of(server, 30) as callers:
            until(lambda: "it fails more often" in index(server)["2"][1], "it is rolled back")
        assert callers.failures == []
        assert {version for version, _ in callers.answers} == {"1"}


def test_a_requests_timeout_is_one_for_both_versions(tmp_path: Path) -> None:
    add_python(tmp_path, policy(strategy="canary", percent=99))
    slow = GOOD.replace("class", "import time\nclass").replace("return", "time.sleep(0.5)\n        return")
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        add_version(tmp_path, 2, slow)
        load(server)
        body = {**scaled_models.request(), "parameters": {"timeout": 200_000}}
        started = monotonic()
        statuses = {
            httpx.post(f"{server.url}/v2/models/{NAME}/infer", json=body, timeout=30).status_code for _ in range(4)
        }
        assert statuses <= {200, 503}
        assert monotonic() - started < 30


def test_classify_takes_part_and_labels_are_those_of_the_version_that_answered(tmp_path: Path) -> None:
    rules = policy(strategy="canary", percent=99, max_disagreement=1, max_latency_ratio=100)
    config = """max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 }
    output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "labels.txt" } """
    python_models.add_model(tmp_path, NAME, config + rules, GOOD)
    labels = tmp_path / NAME / "labels.txt"
    labels.write_text("a\nb\nc\nd\n")
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        labels.write_text("A\nB\nC\nD\n")
        add_version(tmp_path, 2, GOOD)
        load(server)
        answers = [
            httpx.post(f"{server.url}/v1/models/{NAME}/classify", json={"inputs": [0.1, 0.2, 0.3, 0.9]}).json()
            for _ in range(5)
        ]
        assert {answer[0]["label"] for answer in answers[1:]} == {"D"}
        assert versions(server)["rollout"]["candidate_requests"]["count"] >= 4

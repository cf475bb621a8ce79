import asyncio
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import InferRequest
from serving.core.rollout_policy import RolloutPolicy, Strategy
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.running_rollout import RunningRollout, begin_rollout
from serving.engine.served_model import ServedModel
from serving.errors import BackendFailed, InvalidInput
from serving.scheduling.rollout import Rollout, Verdict
from tests import python_models, scaled_models

CONFIG = """max_batch_size: 8 version_policy { all { } } input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }"""
GOOD = "class Model:\n    def execute(self, request):\n        return {'y': request.inputs['x'] * 1}"
BAD = "class Model:\n    def execute(self, request):\n        raise RuntimeError('no')"
REQUEST = InferRequest("m", {"x": np.ones((1, 4), np.float32)})


def two(root: Path, first: str, second: str) -> tuple[ServedModel, ServedModel]:
    for version, source in (("1", first), ("2", second)):
        python_models.add_model(root, "m", CONFIG, source, version)
    versions = load_model(ModelRepository(root), "m", None, asyncio.get_running_loop())
    current, candidate = versions["1"].served, versions["2"].served
    assert current is not None
    assert candidate is not None
    return current, candidate


def running(models: tuple[ServedModel, ServedModel], verdicts: list[Verdict], **policy: object) -> RunningRollout:
    rules = RolloutPolicy(**{"strategy": Strategy.CANARY, "percent": 50.0, **policy})
    return RunningRollout(Rollout(rules), *models, lambda _, verdict: verdicts.append(verdict))


async def settle(rollout: RunningRollout, count: int) -> None:
    async with asyncio.timeout(10):
        while rollout.progress().compared < count:
            await asyncio.sleep(0.01)


async def test_what_the_candidate_fails_at_the_current_version_answers(tmp_path: Path) -> None:
    models, verdicts = two(tmp_path, GOOD, BAD), []
    rollout = running(models, verdicts)
    answers = [await rollout.infer(REQUEST) for _ in range(60)]
    assert {answer.model_version for answer in answers} == {"1"}
    assert [verdict.promote for verdict in verdicts] == [False], "it is told once"
    assert rollout.progress().candidate_requests.failed == rollout.progress().candidate_requests.count
    assert all(model.close(10) for model in models)


async def test_the_candidates_answers_are_compared_with_the_current_versions(tmp_path: Path) -> None:
    models = two(tmp_path, GOOD, GOOD.replace("* 1", "* 2"))
    rollout = running(models, [])
    for number in range(20):
        await rollout.infer(REQUEST)
        await settle(rollout, (number + 1) // 2)
    progress = rollout.progress()
    assert (progress.compared, progress.disagreement) == (10, 1.0)
    assert all(model.close(10) for model in models)


async def test_a_shadows_failures_count_and_reach_nobody(tmp_path: Path) -> None:
    models, verdicts = two(tmp_path, GOOD, BAD), []
    rollout = running(models, verdicts, strategy=Strategy.SHADOW)
    async with asyncio.timeout(10):
        while not verdicts:
            assert (await rollout.infer(REQUEST)).model_version == "1"
            await asyncio.sleep(0.001)
    assert "it fails more often" in verdicts[0].reason
    assert all(model.close(10) for model in models)


async def test_a_request_that_is_wrong_is_its_callers_fault_on_either(tmp_path: Path) -> None:
    models = two(tmp_path, GOOD, GOOD)
    rollout = running(models, [])
    for _ in range(10):
        with pytest.raises(InvalidInput):
            await rollout.infer(InferRequest("m", {"z": np.ones((1, 4), np.float32)}))
    assert rollout.progress().candidate_requests.count == 0
    assert all(model.close(10) for model in models)


async def test_what_both_fail_at_is_an_error(tmp_path: Path) -> None:
    models = two(tmp_path, BAD, BAD)
    rollout = running(models, [])
    for _ in range(4):
        with pytest.raises(BackendFailed, match="no"):
            await rollout.infer(REQUEST)
    assert all(model.close(10) for model in models)


async def test_without_rules_there_is_no_rollout(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    served = load_model(ModelRepository(tmp_path), "scaled", None, asyncio.get_running_loop())["1"].served
    assert served is not None
    assert begin_rollout(served, served, lambda *_: None) is None
    assert served.close(10)

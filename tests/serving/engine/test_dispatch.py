import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import InferRequest
from serving.core.rollout_policy import RolloutPolicy, Strategy
from serving.engine.dispatch import Dispatch
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.response_cache import ResponseCache
from serving.engine.running_rollout import RunningRollout
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotFound, ModelNotReady
from serving.scheduling.rollout import Rollout
from tests import tiny_models

REQUEST = InferRequest("double", {"x": np.ones((1, 4), np.float32)})


def a_model(root: Path) -> ServedModel:
    served = load_model(ModelRepository(root), "double", None, asyncio.get_running_loop())["1"].served
    assert served is not None
    return served


async def test_a_model_that_closes_after_the_look_up_is_answered_for_by_its_successor(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    old, new = a_model(tmp_path), a_model(tmp_path)
    found = [new, old]
    dispatch = Dispatch(lambda *_: found.pop() if len(found) > 1 else found[0], lambda _: None)
    assert old.close(10)
    assert (await dispatch.infer(REQUEST)).outputs["y"][0, 0] == 2
    assert new.statistics.success.count == 1
    assert new.close(10)


async def test_without_a_successor_the_request_is_refused(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    old = a_model(tmp_path)
    assert old.close(10)
    with pytest.raises(ModelNotReady, match="'double' is not at ready state, it is unloading"):
        await Dispatch(lambda *_: old, lambda _: None).infer(REQUEST)


@pytest.mark.parametrize(
    ("extra", "cache", "runs"),
    [
        ("response_cache { enable: true }", ResponseCache(100_000), 1),
        ("response_cache { enable: false }", ResponseCache(100_000), 2),
        ("", ResponseCache(100_000), 2),
        ("response_cache { enable: true }", None, 2),
    ],
)
async def test_only_models_that_ask_for_it_are_cached_and_only_where_there_is_a_cache(
    tmp_path: Path, extra: str, cache: ResponseCache | None, runs: int
) -> None:
    tiny_models.add_double(tmp_path, extra=extra)
    model = a_model(tmp_path)
    dispatch = Dispatch(lambda *_: model, lambda _: None, cache)
    for _ in range(2):
        assert (await dispatch.infer(REQUEST)).outputs["y"].tolist() == [[2, 2, 2, 2]]
    assert model.statistics.executions == runs
    assert model.close(10)


async def test_a_cached_model_that_closes_is_answered_for_by_its_successor(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    old, new = a_model(tmp_path), a_model(tmp_path)
    found = [new, old]
    dispatch = Dispatch(lambda *_: found.pop() if len(found) > 1 else found[0], lambda _: None, ResponseCache(100_000))
    assert old.close(10)
    for _ in range(2):
        assert (await dispatch.infer(REQUEST)).outputs["y"][0, 0] == 2
    assert (new.statistics.cache_miss.count, new.statistics.cache_hit.count) == (1, 1)
    assert new.close(10)


async def test_requests_that_two_versions_share_run_and_those_that_name_one_may_be_cached(tmp_path: Path) -> None:
    """A rollout weighs the two by what they do."""
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    current, candidate = a_model(tmp_path), a_model(tmp_path)
    rules = RolloutPolicy(Strategy.CANARY, percent=100.0)
    rollout = RunningRollout(Rollout(rules), current, candidate, lambda *_: None)
    dispatch = Dispatch(lambda *_: current, lambda _: rollout, ResponseCache(100_000))
    for _ in range(3):
        await dispatch.infer(REQUEST)
    assert candidate.statistics.executions == 3
    executions = current.statistics.executions
    for _ in range(3):
        await dispatch.infer(replace(REQUEST, model_version="1"))
    assert current.statistics.cache_hit.count == 2
    assert current.statistics.executions >= executions + 1
    assert current.close(10)
    assert candidate.close(10)


async def test_what_a_model_answers_after_it_went_is_not_kept(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    model, cache = a_model(tmp_path), ResponseCache(100_000)
    asked = [0]

    def find(*_: str) -> ServedModel:
        asked[0] += 1
        if asked[0] > 1:
            raise ModelNotFound("it was unloaded meanwhile")
        return model

    assert (await Dispatch(find, lambda _: None, cache).infer(REQUEST)).outputs["y"][0, 0] == 2
    assert (asked[0], cache.used) == (2, 0)
    assert model.close(10)

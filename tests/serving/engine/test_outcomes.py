import asyncio
import logging
from typing import Any

import numpy as np
import pytest

from serving.core.requests import NO_PARAMETERS
from serving.engine.delivery import Delivery
from serving.engine.execution import Run
from serving.engine.outcomes import Outcomes
from serving.engine.pending import Pending
from serving.engine.statistics import FailureReason, ModelStatistics, Times
from serving.engine.worker import Execution
from serving.errors import BackendFailed
from serving.scheduling.scheduler import Event


def pending() -> Pending:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    return Pending({"x": np.zeros((2, 1), np.float32)}, 2, (), 1e9, 1e9, answer, NO_PARAMETERS)


def ran(*requests: Pending) -> Execution[Pending]:
    return Execution([*requests], 0.0, 0.5, Run([{} for _ in requests], Times(0.0, 0.5, 0.0)))


async def test_a_batch_is_counted_and_its_callers_are_told() -> None:
    statistics, first, second = ModelStatistics(), pending(), pending()
    Outcomes("m", "1", statistics, Delivery(), in_order=False).settle(
        [Event(first, {"y": 1}), Event(second, {"y": 2})], ran(first, second)
    )
    assert [request.answer.result() for request in (first, second)] == [{"y": 1}, {"y": 2}]  # type: ignore[attr-defined]
    assert (statistics.executions, statistics.inferences, statistics.success.count) == (1, 4, 2)


async def test_who_went_away_is_counted_once_and_told_nothing() -> None:
    statistics, gone = ModelStatistics(), pending()
    outcomes = Outcomes("m", "1", statistics, Delivery(), in_order=False)
    gone.answer.cancel()
    outcomes.given_up(gone)
    outcomes.settle([Event(gone, {"y": 1})], ran(gone))
    assert statistics.success.count == 0
    assert statistics.failures[FailureReason.CANCELED] == 1


async def test_in_order_an_answer_waits_for_those_before_it() -> None:
    first, second = pending(), pending()
    outcomes = Outcomes("m", "1", ModelStatistics(), Delivery(), in_order=True)
    outcomes.accepted(first)
    outcomes.accepted(second)
    outcomes.settle([Event(second, {})], ran(second))
    assert not second.answer.done()
    outcomes.settle([Event(first, {})], ran(first))
    assert first.answer.done()
    assert second.answer.done()


async def test_a_model_s_failures_are_logged_but_not_each_of_thousands(caplog: pytest.LogCaptureFixture) -> None:
    statistics = ModelStatistics()
    outcomes = Outcomes("m", "1", statistics, Delivery(), in_order=False)
    failed = [pending() for _ in range(5)]
    with caplog.at_level(logging.ERROR, "slipway"):
        for request in failed:
            outcomes.settle([Event(request, error=BackendFailed("no"))], ran(request))
    assert [record.getMessage() for record in caplog.records] == ["m version 1: no"]
    assert statistics.failures[FailureReason.BACKEND] == 5
    for request in failed:
        assert isinstance(request.answer.exception(), BackendFailed)  # type: ignore[attr-defined]

from itertools import count

import pytest

from serving.core.trace_settings import TraceSettings
from serving.engine.trace_registry import Sampler, TraceRegistry
from serving.errors import InvalidInput, Unsupported

ON = TraceSettings(level=("TIMESTAMPS",), rate=1, file="trace.json")


def taken(traces: TraceRegistry, model: str, requests: int) -> int:
    return sum(traces.take(model) is not None for _ in range(requests))


@pytest.mark.parametrize(("rate", "expected"), [(1, [1, 2, 3, 4]), (2, [None, 1, None, 2]), (5, [None] * 4)])
def test_every_nth_request_is_traced(rate: int, expected: list[int | None]) -> None:
    sampler = Sampler(TraceSettings(level=("TIMESTAMPS",), rate=rate, file="f"), count(1))
    assert [sampler.take() for _ in range(4)] == expected


def test_no_more_are_traced_than_the_count() -> None:
    sampler = Sampler(TraceSettings(level=("TIMESTAMPS",), rate=1, count=2, file="f"), count(1))
    assert [sampler.take() for _ in range(4)] == [1, 2, None, None]
    assert sampler.remaining == 0


@pytest.mark.parametrize("settings", [TraceSettings(), TraceSettings(rate=0)])
def test_without_timestamps_nothing_is_traced(settings: TraceSettings) -> None:
    assert Sampler(settings, count(1)).take() is None


def test_a_model_follows_the_global_settings_in_what_it_has_not_set() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_rate": ["12"], "log_frequency": ["34"]}, "simple")
    traces.update({"trace_rate": ["56"], "trace_count": ["78"], "trace_level": ["OFF"]})
    assert traces.settings() == TraceSettings(("OFF",), 56, 78, 0, "trace.json")
    assert traces.settings("simple") == TraceSettings(("OFF",), 12, 78, 34, "trace.json")
    assert traces.settings("other") == traces.settings()
    traces.update({"trace_rate": None, "trace_count": []})
    assert traces.settings() == TraceSettings(("OFF",), 1, -1, 0, "trace.json")
    assert traces.settings("simple") == TraceSettings(("OFF",), 12, -1, 34, "trace.json")
    traces.update({"trace_rate": None, "trace_level": None}, "simple")
    assert traces.settings("simple") == TraceSettings(("OFF",), 1, -1, 34, "trace.json")


def test_a_model_that_cleared_everything_is_counted_with_the_others_again() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_count": ["1"]}, "simple")
    traces.update({"trace_count": None}, "simple")
    traces.update({"trace_count": ["2"]})
    assert (taken(traces, "simple", 1), taken(traces, "other", 5)) == (1, 1)


def test_models_with_their_own_settings_are_counted_on_their_own() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_rate": ["2"]}, "simple")
    traces.update({"trace_level": ["OFF"]}, "silent")
    assert [taken(traces, model, 4) for model in ("simple", "silent", "other")] == [2, 0, 4]


def test_no_id_is_given_twice() -> None:
    traces = TraceRegistry(ON)
    traces.update({"log_frequency": ["1"]}, "simple")
    ids = [traces.take(model) for model in ("simple", "other", "simple")]
    traces.update({"log_frequency": ["2"]}, "simple")
    assert [*ids, traces.take("simple")] == [1, 2, 3, 4]


def test_the_count_shown_is_what_remains_and_outlives_other_updates() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_count": ["5"]})
    assert taken(traces, "simple", 2) == 2
    traces.update({"log_frequency": ["9"]})
    traces.update({"log_frequency": ["9"]}, "simple")
    assert traces.settings().count == traces.settings("simple").count == 3


def test_a_count_that_is_set_again_starts_again() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_count": ["1"]})
    traces.update({"trace_count": ["3"]}, "own")
    traces.update({"log_frequency": ["1"]}, "follower")
    assert [taken(traces, model, 9) for model in ("simple", "own", "follower")] == [1, 3, 1]
    traces.update({"trace_count": ["1"]})
    assert [taken(traces, model, 9) for model in ("simple", "own", "follower")] == [1, 0, 1]


@pytest.mark.parametrize("model", ["", "simple"])
def test_a_wrong_update_changes_nothing(model: str) -> None:
    traces = TraceRegistry(ON)
    with pytest.raises(InvalidInput):
        traces.update({"log_frequency": ["1"], "trace_rate": ["x"]}, model)
    with pytest.raises(Unsupported):
        traces.update({"trace_file": None}, model)
    assert traces.settings(model) == ON


def test_a_global_update_that_breaks_a_models_settings_is_refused() -> None:
    traces = TraceRegistry(ON)
    traces.update({"trace_level": ["TIMESTAMPS"]}, "simple")
    with pytest.raises(InvalidInput, match="sample rate must be non-zero"):
        traces.update({"trace_level": ["OFF"], "trace_rate": ["0"]})
    assert traces.settings() == ON


def test_of_requests_on_the_fast_way_one_makes_room_and_those_behind_it_pass() -> None:
    sampler = Sampler(TraceSettings(level=("TIMESTAMPS",), rate=3, count=2, mode="opentelemetry"), count(1))
    assert [sampler.passes() for _ in range(5)] == [True, True, False, True, True]
    assert [sampler.take() for _ in range(2)] == [1, 2], "the one that was chosen, and the sixth"
    assert [sampler.passes() for _ in range(3)] == [True] * 3

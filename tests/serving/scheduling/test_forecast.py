import pytest

from serving.scheduling.forecast import Forecast
from serving.scheduling.latency_model import LatencyModel

ms = 1e-3


def known(forecast: Forecast, key: str = "a", instance: int = 0, now: float = 0.0) -> LatencyModel:
    model = forecast.model(key, instance, now)
    assert model is not None
    return model


def test_it_learns_from_batches_that_ran() -> None:
    forecast = Forecast(["cpu"])
    assert forecast.model("a", 0, 0.0) is None
    forecast.begin("a", 0, 4, 1.0)
    forecast.end("a", 0, 4, 1.010)
    assert known(forecast, now=1.010).expected(4) == pytest.approx(10 * ms)
    assert forecast.model("b", 0, 1.010) is None, "other shapes take other times"


def test_equal_places_share_what_they_learn_and_others_do_not() -> None:
    forecast = Forecast(["cpu", "cpu", "cuda:0"])
    forecast.learn("a", "cpu", 1, 10 * ms, 0.0)
    assert known(forecast, instance=1) is known(forecast, instance=0)
    assert forecast.model("a", 2, 0.0) is None
    forecast.learn("a", "cuda:0", 1, 1 * ms, 0.0)
    assert forecast.quickest("a", 0.0) is known(forecast, instance=2)
    assert forecast.quickest("b", 0.0) is None


def test_what_was_not_seen_for_seconds_is_tried_before_it_is_believed() -> None:
    forecast = Forecast(["cpu"])
    forecast.learn("a", "cpu", 1, 10 * ms, 0.0)
    assert forecast.model("a", 0, 4.9) is not None
    assert forecast.model("a", 0, 5.1) is None
    forecast.learn("a", "cpu", 1, 10 * ms, 5.2)
    assert forecast.model("a", 0, 5.2) is not None


def test_shapes_that_were_not_seen_for_long_are_forgotten() -> None:
    forecast = Forecast(["cpu"])
    for number in range(300):
        forecast.learn(number, "cpu", 1, 1 * ms, 0.0)
        forecast.learn("often", "cpu", 1, 1 * ms, 0.0)
    assert forecast.model("often", 0, 0.0) is not None
    assert forecast.model(0, 0, 0.0) is None
    assert forecast.model(299, 0, 0.0) is not None


def test_a_row_starts_when_those_before_it_are_done() -> None:
    forecast = Forecast(["cpu", "cpu"])
    for rows in (1, 32):
        forecast.learn("a", "cpu", rows, 4 * ms + 0.5 * ms * rows, 0.0)
    model = known(forecast)

    def wait(ahead: float, now: float = 0.0) -> float:
        return forecast.seconds_until_start(ahead, 32, model, now) / ms

    assert wait(0) == 0
    forecast.begin("a", 0, 32, 0.0)
    assert wait(31) == 0, "the other instance is idle"
    forecast.begin("a", 1, 12, 0.0)
    assert wait(31) == pytest.approx(10, rel=0.01)
    assert wait(32) == pytest.approx(20, rel=0.01), "behind a full batch on the other"
    assert wait(64) == pytest.approx(10 + 20, rel=0.01), "behind two"
    assert wait(31, now=8 * ms) == pytest.approx(2, rel=0.05)
    assert wait(31, now=50 * ms) == 0, "it takes longer than it should; any moment now"
    forecast.end("a", 1, 12, 50 * ms)
    assert wait(0, now=50 * ms) == 0


def test_what_came_to_nothing_says_nothing_of_times() -> None:
    forecast = Forecast(["cpu"])
    forecast.begin("a", 0, 4, 0.0)
    forecast.end("a", 0, 0, 1.0)
    assert forecast.model("a", 0, 1.0) is None

import pytest

from serving.scheduling.forecast import Forecast
from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.scheduler import HERE

ms = 1e-3


def known(forecast: Forecast, key: str = "a", instance: int = 0) -> LatencyModel:
    model = forecast.model(key, instance)
    assert model is not None
    return model


def test_it_learns_from_batches_that_ran() -> None:
    forecast = Forecast(["cpu"])
    assert forecast.model("a", 0) is None
    forecast.begin("a", 0, 4, 1.0)
    forecast.end(0, 1.010, ran=True)
    assert known(forecast).expected(4) == pytest.approx(10 * ms)
    assert forecast.model("b", 0) is None, "other shapes take other times"


def test_equal_places_share_what_they_learn_and_others_do_not() -> None:
    forecast = Forecast(["cpu", "cpu", "cuda:0"])
    forecast.learn("a", "cpu", 1, 10 * ms, 0.0)
    assert known(forecast, instance=1) is known(forecast, instance=0)
    assert forecast.model("a", 2) is None
    forecast.learn("a", "cuda:0", 1, 1 * ms, 0.0)
    assert forecast.quickest("a") is known(forecast, instance=2)
    assert forecast.quickest("b") is None


def test_it_tells_what_ran_lately_from_what_is_only_known() -> None:
    forecast = Forecast(["cpu", "cuda:0"])
    assert not forecast.is_of_late("a", 0.0)
    forecast.learn("a", "cuda:0", 1, 10 * ms, 0.0)
    assert (forecast.is_of_late("a", 4.9), forecast.is_of_late("a", 5.1)) == (True, False)
    assert forecast.model("a", 1) is not None
    forecast.learn("a", "cpu", 1, 10 * ms, 5.2)
    assert forecast.is_of_late("a", 5.2)


def test_of_thousands_that_ran_the_last_count() -> None:
    forecast = Forecast(["cpu"])
    for number in range(1000):
        forecast.learn("a", "cpu", 4, (10 if number < 500 else 20) * ms, float(number))
    assert known(forecast).expected(4) == pytest.approx(20 * ms)


def test_shapes_that_were_not_seen_for_long_are_forgotten() -> None:
    forecast = Forecast(["cpu"])
    for number in range(300):
        forecast.learn(number, "cpu", 1, 1 * ms, 0.0)
        forecast.learn("often", "cpu", 1, 1 * ms, 0.0)
    assert forecast.model("often", 0) is not None
    assert forecast.model(0, 0) is None
    assert forecast.model(299, 0) is not None


def ran_here(forecast: Forecast, seconds: float, now: float, rows: int = 1) -> None:
    forecast.begin("a", HERE, rows, now)
    forecast.end(HERE, now + seconds, ran=True)


def test_what_would_be_quick_is_tried_and_stays_if_it_is() -> None:
    forecast = Forecast(["cpu"])
    assert not forecast.is_quick("a", 1, 0.0), "nothing is known of it"
    forecast.learn("a", "cpu", 1, 0.3 * ms, 0.0)
    assert forecast.is_quick("a", 1, 0.0)
    ran_here(forecast, 0.02 * ms, 0.0)
    assert forecast.is_quick("a", 1, 0.0)


def test_what_is_not_quick_is_tried_now_and_then() -> None:
    forecast = Forecast(["cpu"])
    forecast.learn("a", "cpu", 1, 0.6 * ms, 0.0)
    ran_here(forecast, 0.4 * ms, 0.0)
    assert sum(forecast.is_quick("a", 1, 0.0) for _ in range(10 * 265)) == 80
    forecast.learn("slow", "cpu", 1, 10 * ms, 0.0)
    assert not any(forecast.is_quick("slow", 1, 0.0) for _ in range(640))


def test_one_that_is_quick_is_enough_after_some_that_were_held_up() -> None:
    forecast = Forecast(["cpu"])
    forecast.learn("a", "cpu", 1, 0.3 * ms, 0.0)
    for _ in range(10):
        ran_here(forecast, 4 * ms, 0.0)
    assert not all(forecast.is_quick("a", 1, 0.0) for _ in range(64))
    ran_here(forecast, 0.02 * ms, 0.0)
    assert all(forecast.is_quick("a", 1, 0.0) for _ in range(64))


def test_what_was_held_up_and_not_looked_at_yet_does_not_count_either() -> None:
    forecast = Forecast(["cpu"])
    forecast.learn("a", "cpu", 1, 0.3 * ms, 0.0)
    for _ in range(10):
        ran_here(forecast, 4 * ms, 0.0)
        forecast.is_quick("a", 1, 0.0)
    ran_here(forecast, 0.02 * ms, 0.0)
    assert all(forecast.is_quick("a", 1, 0.0) for _ in range(64))


def test_a_size_that_was_never_seen_is_looked_at_at_once() -> None:
    forecast = Forecast(["cpu"])
    ran_here(forecast, 0.02 * ms, 0.0, rows=1)
    assert not forecast.is_quick("a", 8, 0.0), "nobody knows"
    ran_here(forecast, 0.16 * ms, 0.0, rows=8)
    assert forecast.is_quick("a", 8, 0.0)
    ran_here(forecast, 4 * ms, 0.0, rows=16)
    assert not forecast.is_quick("a", 16, 0.0)


@pytest.mark.parametrize("asks", [True, False], ids=["asked after each", "asked at the end"])
def test_that_what_was_quick_is_not_any_more_is_noticed_soon(asks: bool) -> None:
    forecast = Forecast(["cpu"])
    ran_here(forecast, 0.1 * ms, 0.0)
    assert forecast.is_quick("a", 1, 0.0)
    for number in range(8):
        ran_here(forecast, 0.25 * ms, float(number))
        if asks:
            forecast.is_quick("a", 1, float(number))
    assert not forecast.is_quick("a", 1, 8.0)


def test_batches_that_are_all_quick_are_looked_at_together() -> None:
    forecast = Forecast(["cpu"])
    ran_here(forecast, 0.1 * ms, 0.0)
    assert forecast.is_quick("a", 1, 0.0)
    for _ in range(31):
        ran_here(forecast, 0.15 * ms, 0.0)
        assert forecast.is_quick("a", 1, 0.0)
    assert len(forecast._of("a", "here").noted) == 31
    ran_here(forecast, 0.15 * ms, 0.0)
    assert forecast.is_quick("a", 1, 0.0)
    assert not forecast._of("a", "here").noted


def test_whoever_asks_how_long_it_takes_is_told_of_all_that_ran() -> None:
    forecast = Forecast(["cpu"])
    ran_here(forecast, 0.1 * ms, 0.0)
    for _ in range(10):
        ran_here(forecast, 0.15 * ms, 0.0)
        assert forecast.is_quick("a", 1, 0.0)
    assert known(forecast, instance=HERE).expected(1) > 0.14 * ms


def test_a_large_batch_is_not_quick_where_a_small_one_is() -> None:
    forecast = Forecast(["cpu"])
    for rows in (1, 2, 4) * 20:
        ran_here(forecast, 0.02 * ms * rows, 0.0, rows)
    assert forecast.is_quick("a", 4, 0.0)
    assert not forecast.is_quick("a", 32, 0.0)


def test_a_batch_that_is_larger_than_all_before_is_not_taken_for_quick() -> None:
    forecast = Forecast(["cpu"])
    ran_here(forecast, 0.02 * ms, 0.0, rows=1)
    assert forecast.is_quick("a", 2, 0.0)
    assert not forecast.is_quick("a", 64, 0.0)
    ran_here(forecast, 0.02 * ms, 0.0, rows=2)
    assert forecast.is_quick("a", 4, 0.0)


def test_after_a_stall_nothing_is_quick_for_a_while() -> None:
    forecast = Forecast(["cpu"])
    for _ in range(20):
        ran_here(forecast, 0.02 * ms, 0.0)
    ran_here(forecast, 30 * ms, 1.0)
    ran_here(forecast, 0.02 * ms, 2.0)
    assert not forecast.is_quick("a", 1, 2.0)
    ran_here(forecast, 0.02 * ms, 6.1)
    assert forecast.is_quick("a", 1, 6.2)


def test_what_runs_here_takes_no_instance_s_time() -> None:
    forecast = Forecast(["cpu"])
    forecast.learn("a", "cpu", 1, 10 * ms, 0.0)
    forecast.begin("a", HERE, 1, 0.0)
    assert forecast.seconds_until_start(0, 1, known(forecast), 0.0) == 0


def test_instances_that_are_idle_share_what_takes_long() -> None:
    forecast = Forecast(["cpu"] * 4)
    assert forecast.share("a", 0, 32) == 32, "nobody knows how long it takes"
    for rows in (1, 32):
        forecast.learn("a", "cpu", rows, 0.1 * ms + 0.1 * ms * rows, 0.0)
    assert forecast.share("a", 0, 32) == 8
    assert forecast.share("a", 0, 33) == 9
    assert forecast.share("a", 0, 3) == 3, "hardly shorter"
    assert forecast.share("a", 0, 5) == 3, "two are enough, a third would begin too late"
    assert forecast.share("a", HERE, 32) == 32
    forecast.begin("a", 1, 8, 0.0)
    forecast.begin("a", 2, 8, 0.0)
    assert forecast.share("a", 0, 32) == 16
    forecast.begin("a", 3, 8, 0.0)
    assert forecast.share("a", 0, 32) == 32


def test_what_takes_as_long_in_any_size_is_not_shared() -> None:
    forecast = Forecast(["cuda:0"] * 2)
    for rows in (1, 32):
        forecast.learn("a", "cuda:0", rows, 1 * ms, 0.0)
    assert forecast.share("a", 0, 32) == 32


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
    forecast.end(1, 50 * ms, ran=True)
    assert wait(0, now=50 * ms) == 0


def test_what_came_to_nothing_says_nothing_of_times() -> None:
    forecast = Forecast(["cpu"])
    forecast.begin("a", 0, 4, 0.0)
    forecast.end(0, 1.0, ran=False)
    assert forecast.model("a", 0) is None

import threading
import time

import numpy as np
import pytest

from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.engine.measuring import is_alone, measure
from serving.scheduling.tuning import Setting

ONE, TWO = Setting(1, 1), Setting(2, 1)
BATCHES = {1: {"x": np.zeros((1, 4))}, 8: {"x": np.zeros((8, 4))}}


class Sleeper:
    """An instance that takes a millisecond for each row, and notes how many ran at once."""

    concurrency = 1
    reads_parameters = False
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def __init__(self) -> None:
        self.calls = 0
        self.at_once = 0
        self.most = 0
        self._lock = threading.Lock()

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        with self._lock:
            self.calls += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.001 * len(inputs["x"]))
        with self._lock:
            self.at_once -= 1
        return {}

    def close(self) -> None:
        pass


def test_everything_is_measured_at_least_once_however_little_time_there_is() -> None:
    found = measure({1: Sleeper()}, [ONE, TWO], BATCHES, cores=2, seconds=0.001, stops_early=True)
    assert {(it.setting, it.rows) for it in found.measured} == {(ONE, 1), (ONE, 8), (TWO, 1), (TWO, 8)}
    assert all(it.seconds >= 0.001 * it.rows * 0.9 for it in found.measured), "a batch's own time at least"
    assert 0 <= found.disturbed <= 1


class Meeting(Sleeper):
    """Whose runs wait until three are there."""

    def __init__(self) -> None:
        super().__init__()
        self._three = threading.Barrier(3)

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self._three.wait(30)
        return super().run(inputs)


def test_as_many_run_at_once_as_there_are_instances() -> None:
    meeting = Meeting()
    measure({1: meeting}, [Setting(3, 1)], {1: BATCHES[1]}, cores=2, seconds=0.001, stops_early=True)
    assert meeting.calls % 3 == 0
    assert meeting.most <= 3


def test_each_number_of_threads_has_its_own_instance() -> None:
    one, two = Sleeper(), Sleeper()
    measure({1: one, 2: two}, [Setting(1, 2)], {1: BATCHES[1]}, cores=2, seconds=0.001, stops_early=True)
    assert (one.calls, two.calls > 0) == (0, True)


def test_who_wants_to_know_is_told_how_far_it_is() -> None:
    told: list[float] = []
    measure({1: Sleeper()}, [ONE, TWO], BATCHES, cores=2, seconds=0.2, stops_early=False, told=told.append)
    assert told == sorted(told)
    assert len(told) >= 4, "at each turn"
    assert 0 <= told[0] < told[-1] <= 1


def test_waiting_for_a_core_is_left_out_only_where_it_is_for_other_programs() -> None:
    assert is_alone(Setting(2, 1), cores=2)
    assert not is_alone(Setting(3, 1), cores=2), "they wait for one another"
    assert not is_alone(Setting(1, 2), cores=2), "a thread that waits has another that works for it"


class Broken(Sleeper):
    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        if self.calls >= 5:
            raise RuntimeError("no more")
        return super().run(inputs)


def test_a_models_own_error_ends_it_also_while_others_wait_for_the_one_that_failed() -> None:
    with pytest.raises(RuntimeError, match="no more"):
        measure({1: Broken()}, [Setting(4, 1)], {1: BATCHES[1]}, cores=2, seconds=5, stops_early=True)

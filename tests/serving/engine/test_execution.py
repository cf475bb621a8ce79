from collections.abc import Callable, Generator, Sequence

import numpy as np

from serving.core.model_config import parse
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.core.sequence_config import sequence_config
from serving.engine.execution import Run, blame, run_batch, run_sequences, run_stream
from serving.engine.statistics import Times
from serving.errors import BackendFailed, Cancelled, InstanceDied, InvalidInput

NO_TIME = Times(0.0, 0.0, 0.0)


def test_a_batch_that_fails_is_halved_until_the_bad_request_is_alone() -> None:
    runs: list[Sequence[int]] = []

    def run_once(batch: Sequence[int]) -> Run:
        runs.append(batch)
        if 3 in batch:
            raise ValueError("three")
        return Run([{"n": np.array(number)} for number in batch], NO_TIME)

    outcomes = run_batch(run_once, [1, 2, 3, 4]).outcomes
    assert [isinstance(outcome, BackendFailed) for outcome in outcomes] == [False, False, True, False]
    assert runs == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]


def test_a_batch_that_cost_a_process_is_not_run_again() -> None:
    runs: list[Sequence[int]] = []
    died = InstanceDied("it crashed", retry_after=4)

    def run_once(batch: Sequence[int]) -> Run:
        runs.append(batch)
        raise died

    assert run_batch(run_once, [1, 2, 3, 4]).outcomes == [died] * 4
    assert runs == [[1, 2, 3, 4]]


def test_what_a_model_blames_on_the_caller_is_the_callers() -> None:
    wrong = InvalidInput("no such word")
    assert blame(wrong) is wrong
    assert str(blame(KeyError("x"))) == "the model failed on this request: KeyError: 'x'"


class Counting:
    """Counts up to `n`, and fails there if `n` is negative."""

    inputs = outputs = (TensorSpec("n", "INT32", (1,)),)
    concurrency = 1
    reads_parameters = False
    closed = False

    def stream(self, inputs: Arrays, _: Parameters, __: Callable[[], bool], /) -> Generator[Arrays, None, None]:
        try:
            limit = int(inputs["n"][0])
            for number in range(abs(limit)):
                yield {"n": np.int32([number])}
            if limit < 0:
                raise ValueError("enough")
        finally:
            self.closed = True


class Asked:
    rows = 1
    parameters = NO_PARAMETERS

    def __init__(self, n: int, patience: int = 100) -> None:
        self.inputs: Arrays = {"n": np.int32([n])}
        self.patience = patience
        self.got: list[int] = []

    def emit(self, outputs: Arrays) -> None:
        self.got.append(int(outputs["n"][0]))

    def is_cancelled(self) -> bool:
        return len(self.got) >= self.patience


def test_every_response_of_a_stream_is_passed_on_at_once() -> None:
    request = Asked(3)
    assert run_stream(Counting(), [request]).outcomes == [{}]
    assert request.got == [0, 1, 2]


def test_a_stream_that_fails_keeps_what_it_gave() -> None:
    request = Asked(-2)
    [outcome] = run_stream(Counting(), [request]).outcomes
    assert isinstance(outcome, BackendFailed)
    assert request.got == [0, 1]


def test_a_stream_whose_caller_went_away_is_closed() -> None:
    model, request = Counting(), Asked(1000, patience=2)
    [outcome] = run_stream(model, [request]).outcomes
    assert isinstance(outcome, Cancelled)
    assert request.got == [0, 1]
    assert model.closed


class Adding:
    """Adds 1 to a sum for each row that it sees, and fails on zeros afterwards."""

    inputs = outputs = (TensorSpec("x", "INT32", (-1, 1)),)
    concurrency = 1
    reads_parameters = False

    def __init__(self) -> None:
        self.seen = 0

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.seen += len(inputs["x"])
        if not inputs["x"].all():
            raise SystemExit("zero")
        return {"x": inputs["x"]}

    def close(self) -> None: ...


class OfSequence:
    rows = 1
    parameters = NO_PARAMETERS
    sequence_id = 1
    sequence_start = sequence_end = False

    def __init__(self, x: int, slot: int) -> None:
        self.inputs: Arrays = {"x": np.int32([[x]])}
        self.slot = slot
        self.sequence_state: dict[str, np.ndarray] = {}


def test_a_batch_of_sequences_that_fails_is_not_run_again() -> None:
    config = parse("max_batch_size: 4 sequence_batching { }", "m")
    sequences = sequence_config(config)
    assert sequences is not None
    model = Adding()
    outcomes = run_sequences(model, sequences, [OfSequence(1, 0), OfSequence(0, 1)]).outcomes
    assert all(isinstance(outcome, BackendFailed) for outcome in outcomes)
    assert model.seen == 2, "a second time would count the innocent one twice"

from collections.abc import Callable, Generator, Sequence

import numpy as np
import pytest

from serving.backends.backend import InputMemory
from serving.core.model_config import parse
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.core.sequence_config import sequence_config
from serving.engine.execution import Run, blame, execute_on, run_batch, run_sequences, run_stream
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


def test_a_caller_is_not_told_the_folders_of_the_server() -> None:
    def run_once(_: Sequence[int]) -> Run:
        raise FileNotFoundError(2, "Not there", "/srv/w.bin")

    (outcome,) = run_batch(run_once, [1]).outcomes
    assert str(outcome) == "the model failed on this request: FileNotFoundError: Not there: w.bin"


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


class Echo:
    """Answers with the memory that it was given."""

    inputs = outputs = (TensorSpec("x", "FP32", (-1, 4)),)
    concurrency = 1
    reads_parameters = False

    def __init__(self, memory: InputMemory | None) -> None:
        self.input_memory = memory
        self.given: list[np.ndarray] = []

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.given.append(inputs["x"])
        return {"x": inputs["x"], "reversed": inputs["x"][:, ::-1]}

    def close(self) -> None: ...


class Rows:
    parameters = NO_PARAMETERS

    def __init__(self, value: float, rows: int) -> None:
        self.value, self.rows = value, rows
        self.inputs: Arrays = {"x": np.full((rows, 4), value, np.float32)}


ECHOED = parse(
    """backend: "onnxruntime" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 }
    output { name: "x" data_type: TYPE_FP32 dims: 4 }""",
    "echo",
)


@pytest.mark.parametrize("is_better", [True, False])
def test_answers_stay_as_they_were_while_later_batches_use_their_memory(is_better: bool) -> None:
    model = Echo(InputMemory(lambda size: np.empty(size, np.uint8), is_better=is_better))
    execute = execute_on(model, ECHOED)
    batches = [[Rows(10 * number + place, 1 + place) for place in range(1 + number % 3)] for number in range(20)]
    runs = [execute(batch) for batch in batches]
    for batch, run in zip(batches, runs, strict=True):
        for request, outcome in zip(batch, run.outcomes, strict=True):
            assert not isinstance(outcome, Exception)
            for array in outcome.values():
                assert array.shape == (request.rows, 4)
                assert (array == request.value).all()
    assert np.shares_memory(model.given[1], model.given[19]), "two requests each, put together in one place"
    assert np.shares_memory(model.given[0], model.given[1]) == is_better


def test_rows_that_fill_a_batch_up_are_nobodys() -> None:
    model = Echo(InputMemory(lambda size: np.empty(size, np.uint8), is_better=True, size_for=lambda _: 8))
    outcomes = execute_on(model, ECHOED)([Rows(1, 1), Rows(2, 3)]).outcomes
    assert model.given[0].shape == (8, 4)
    assert [outcome["x"][:, 0].tolist() for outcome in outcomes if not isinstance(outcome, Exception)] == [[1], [2] * 3]


def test_what_a_model_may_keep_is_not_written_over() -> None:
    model = Echo(None)
    execute = execute_on(model, ECHOED)
    for number in range(3):
        execute([Rows(number, 1), Rows(number, 2)])
    assert [array[0, 0] for array in model.given] == [0, 1, 2]


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

from pathlib import Path

import numpy as np
import pytest

from serving.backends import ort
from serving.core import model_config
from serving.core.requests import NO_PARAMETERS, Arrays, InferRequest, Parameters, TensorSpec
from serving.engine.fit import batch_key
from serving.engine.known_times import KnownTimes, known_times
from serving.engine.repository import ModelRepository
from serving.scheduling.tuning import Measured, Question, Setting, Tuning
from tests import tiny_models

OBJECTIVE = 'dynamic_batching { } parameters { key: "latency_objective_ms" value { string_value: "20" } }'
KEY = ((4,),)


def known(root: Path, extra: str, tuning: Tuning | None = None, name: str = "double") -> KnownTimes | None:
    tiny_models.add_double(root, name, extra=extra)
    config = model_config.complete(ModelRepository(root).config(name))
    directory = root / name / "1"
    instance = ort.load(directory, config, "cpu")
    try:
        return known_times(instance, config, directory, tuning)
    finally:
        instance.close()


def test_a_model_with_an_objective_is_measured_at_one_row_and_at_its_largest_batch(tmp_path: Path) -> None:
    found = known(tmp_path, OBJECTIVE)
    assert found is not None
    assert (found.key, found.device) == (KEY, "cpu")
    assert [rows for rows, _ in found.times] == [1, 8]
    assert all(0 < seconds < 1 for _, seconds in found.times)


def test_what_nobody_asks_to_be_in_time_is_not_measured(tmp_path: Path) -> None:
    assert known(tmp_path, "dynamic_batching { }") is None


def test_what_was_tuned_is_known_and_not_measured_again(tmp_path: Path) -> None:
    setting = Setting(1, 1)
    profile = ((1, 0.004), (8, 0.011))
    tuning = Tuning(Question(2), (Measured(setting, 8, 0.011),), profile)
    found = known(tmp_path, "dynamic_batching { }", tuning)
    assert found == KnownTimes(KEY, "cpu", profile)


def test_its_key_is_that_of_requests_which_come_later(tmp_path: Path) -> None:
    found = known(tmp_path, OBJECTIVE)
    specs = {"x": TensorSpec("x", "FP32", (-1, 4))}
    assert found is not None
    assert found.key == batch_key(InferRequest("double", {"x": np.zeros((3, 4), np.float32)}), specs)


class Fragile:
    """Answers one row at most."""

    concurrency = 1
    reads_parameters = False
    inputs = outputs = (TensorSpec("x", "FP32", (-1, 4)),)

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        if len(inputs["x"]) > 1:
            raise MemoryError
        return inputs

    def close(self) -> None:
        pass


def test_what_fails_in_a_large_batch_is_known_as_far_as_it_went(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=OBJECTIVE)
    config = model_config.complete(ModelRepository(tmp_path).config("double"))
    found = known_times(Fragile(), config, tmp_path / "double" / "1", None)
    assert found is not None
    assert [rows for rows, _ in found.times] == [1]


def test_a_python_model_is_only_fed_what_its_owner_wrote(tmp_path: Path) -> None:
    text = 'backend: "python" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 } '
    output = 'output { name: "x" data_type: TYPE_FP32 dims: 4 } ' + OBJECTIVE
    sample = """ model_warmup { name: "s" inputs { key: "x" value {
        data_type: TYPE_FP32 dims: 4 zero_data: true } } }"""
    for extra, expected in (("", None), (sample, KEY)):
        config = model_config.complete(model_config.parse(text + output + extra, "m"))
        found = known_times(Fragile(), config, tmp_path / "1", None)
        assert (found and found.key) == expected


@pytest.mark.parametrize("extra", ["sequence_batching { }", "dynamic_batching { }"])
def test_of_sequences_and_streams_nothing_is_known(tmp_path: Path, extra: str) -> None:
    decoupled = "model_transaction_policy { decoupled: true }" if "dynamic" in extra else ""
    text = 'backend: "python" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 } '
    objective = 'parameters { key: "latency_objective_ms" value { string_value: "20" } }'
    config = model_config.parse(f"{text} {extra} {decoupled} {objective}", "m")
    assert known_times(Fragile(), config, tmp_path / "1", None) is None

from pathlib import Path

import pytest

from loadtests.benchmarks.bench_models import MODELS, add_model
from loadtests.benchmarks.direct import BATCHES, Setting, best, measured, settings
from loadtests.benchmarks.server_process import ServerFailed


def test_every_batch_size_is_tried_with_one_caller_with_one_for_each_core_and_with_threads_for_one() -> None:
    tried = settings(4)
    assert {setting.batch for setting in tried} == set(BATCHES)
    assert {(setting.callers, setting.threads) for setting in tried} == {(1, 1), (4, 1), (1, 4)}


def test_a_machine_with_one_core_has_one_way() -> None:
    assert len(settings(1)) == len(BATCHES)


def test_rows_are_counted_whatever_the_batches(tmp_path: Path) -> None:
    tried = [Setting(1, 1, 1), Setting(32, 2, 1)]
    loads = measured(add_model(tmp_path, MODELS[0]), tried, 0.05)
    assert len(loads) == 2
    for setting, load in zip(tried, loads, strict=True):
        assert load.requests_per_s > setting.batch
        assert 0 < load.p50_ms <= load.p99_ms


def test_the_best_has_the_most_rows(tmp_path: Path) -> None:
    tried = [Setting(1, 1, 1), Setting(64, 1, 1)]
    assert best(add_model(tmp_path, MODELS[0]), tried, 0.1) == Setting(64, 1, 1)


def test_a_file_that_does_not_load_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"none")
    with pytest.raises(ServerFailed, match="the direct loop failed"):
        measured(tmp_path / "model.onnx", [Setting(1, 1, 1)], 0.05)

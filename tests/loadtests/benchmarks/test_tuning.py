import pytest

from serving.backends.cores import usable_cores
from tests.benchmark_command import last_line, run_benchmark


@pytest.mark.skipif(usable_cores() == 1, reason="one core leaves nothing to choose")
def test_each_model_is_tuned_at_each_turn() -> None:
    report = last_line(run_benchmark("tuning", "--turns", "1", "--seconds", "5", "--max-batch-size", "1"))
    assert [sum(found["chosen"].values()) for found in report.values()] == [1, 1, 1, 1]
    for name, found in report.items():
        assert all(rate["min"] > 0 for rate in found["rows_per_second"].values())
        if name.endswith("one instance"):
            assert all(setting.startswith("1 x ") for setting in found["chosen"])

import shutil

import pytest

from loadtests.benchmarks.beside_wrk import main
from tests.benchmark_command import last_line, run_here


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
def test_both_see_the_same_server() -> None:
    figures = last_line(run_here(main, "--connections", "2", "--seconds", "1", "--rounds", "1"))
    assert set(figures) == {"wrk", "slipway loadtest"}
    assert all(found["requests_per_s"]["median"] > 0 for found in figures.values())

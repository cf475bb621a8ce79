import pytest

from loadtests.benchmarks.bench import chosen
from loadtests.benchmarks.server_process import ServerFailed
from tests.benchmark_command import last_line, run_benchmark


def test_slipway_and_the_direct_loop_are_measured_after_their_answers_were_compared() -> None:
    arguments = ("--only", "direct", "--model", "mlp", "--concurrency", "2", "--rounds", "1", "--seconds", "1")
    report = last_line(run_benchmark("bench", *arguments))
    assert (report["rounds"], report["seconds"]) == (1, 1)
    assert list(report["settings"]) == ["slipway", "direct, mlp"]
    direct, slipway = report["mlp"]["direct"]["0"], report["mlp"]["slipway"]["2"]
    assert set(direct) == set(slipway) == {"requests_per_s", "p50_ms", "p99_ms", "cpu_us", "failed", "ratio"}
    assert slipway["failed"] == 0
    assert slipway["ratio"]["median"] == 1
    for found in (direct, slipway):
        assert found["requests_per_s"]["median"] > 0
        assert 0 < found["p50_ms"]["median"] <= found["p99_ms"]["median"]


def test_slipway_is_always_among_them() -> None:
    assert chosen(["bare"], ["direct", "slipway", "bare", "ray"], {}) == ["slipway", "bare"]
    assert chosen(None, ["direct", "slipway"], {"ray": "it is not there"}) == ["direct", "slipway"]


def test_who_asks_for_what_is_missing_is_told_why() -> None:
    with pytest.raises(ServerFailed, match="'ray' can't run here: it is not there"):
        chosen(["ray"], ["direct", "slipway"], {"ray": "it is not there"})
    with pytest.raises(ServerFailed, match="'rya' can't run here: there are direct, slipway"):
        chosen(["rya"], ["direct", "slipway"], {})


def test_a_model_that_is_not_there_is_told() -> None:
    done = run_benchmark("bench", "--model", "resnet")
    assert done.returncode == 1
    assert "no model is named resnet" in done.stderr

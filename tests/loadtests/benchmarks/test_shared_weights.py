from loadtests.benchmarks import shared_weights
from tests.benchmark_command import last_line, run_here


def test_further_instances_weigh_less_than_further_models() -> None:
    arguments = ("--megabytes", "20", "--instances", "3", "--rounds", "1", "--backend", "onnxruntime")
    report = last_line(run_here(shared_weights.main, *arguments))
    assert report["instances"] == 3
    assert "pytorch" not in report
    one, several, copies = (each["rss_mb"]["median"] for each in report["onnxruntime"].values())
    assert one > 10
    assert several - one < 10, "what a second copy of the weights would exceed"
    assert copies - one > 30

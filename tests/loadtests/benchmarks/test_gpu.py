import pytest

from loadtests.benchmarks import gpu
from loadtests.benchmarks.server_process import ServerFailed
from tests.benchmark_command import last_line, run_benchmark, run_here
from tests.gpus import DEVICE, lacks

QUICK = ("--seconds", "0.005", "--rounds", "2", "--rows", "2")


def test_without_a_gpu_it_measures_what_there_is() -> None:
    report = last_line(run_here(gpu.main, "--device", "cpu", "--backend", "onnxruntime", *QUICK))
    assert report["device"] == "cpu"
    assert report["networks"].keys() == {"wide onnxruntime", "cnn onnxruntime", "residual onnxruntime"}
    for found in report["networks"].values():
        assert found["2"].keys() == {"plain", "served", "2 plain", "2 served"}
        assert all(figures["median"] > 0 for figures in found["2"].values())


@pytest.mark.skipif(not lacks("onnxruntime"), reason="there is one")
def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(ServerFailed, match=r"^instance group wide_0 of model wide has kind KIND_GPU but"):
        run_here(gpu.main, "--backend", "onnxruntime", *QUICK)


@pytest.mark.skipif(bool(lacks("pytorch")), reason=lacks("pytorch"))
def test_a_gpu_is_measured_beside_the_processor() -> None:
    report = last_line(run_benchmark("gpu", "--device", DEVICE, "--backend", "pytorch", *QUICK))
    assert report["networks"]["cnn pytorch"]["2"].keys() == {"CPU", "plain", "served", "2 plain", "2 served"}

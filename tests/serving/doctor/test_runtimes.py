import pytest

from serving.doctor import runtimes
from serving.doctor.finding import Grade
from serving.doctor.runtimes import Runtimes, judged
from tests.doctor_findings import grades, troubles

WELL = Runtimes(
    "1.24", providers=("CPUExecutionProvider",), no_gpu="this ONNX Runtime has no CUDA provider; install it"
)


def test_this_machine_s_are_found() -> None:
    onnx, gpu, torch = runtimes.examine(require_gpu=False)
    assert "with the providers" in onnx.says
    assert "CPU" in onnx.says
    assert torch.says[0].isdigit()
    assert gpu.what == "GPU"


def test_a_gpu_that_is_there_or_asked_for_and_not_usable_is_told() -> None:
    assert grades(judged(WELL, require_gpu=False))["GPU"] is Grade.OK
    (wanted,) = troubles(judged(WELL, require_gpu=True))
    assert (wanted.grade, wanted.says) == (Grade.PROBLEM, WELL.no_gpu)
    (idle,) = troubles(judged(Runtimes("1.24", no_gpu="no CUDA", seen=("H100",)), require_gpu=False))
    assert (idle.grade, idle.says) == (Grade.WARNING, "H100 can't be used: no CUDA")
    used = judged(Runtimes("1.24", usable=1, seen=("H100",)), require_gpu=True)
    assert used[1].says == "1 can be used: H100"


@pytest.mark.parametrize(
    ("found", "grade"),
    [(Runtimes(), Grade.WARNING), (Runtimes("1.24", fault="libgomp.so.1 is missing"), Grade.PROBLEM)],
)
def test_without_onnx_runtime_it_says_what_to_install(found: Runtimes, grade: Grade) -> None:
    (onnx,) = troubles(judged(found, require_gpu=False))
    assert onnx.grade is grade
    assert "pip install" in onnx.fix

from packaging.requirements import Requirement

from serving.doctor import packages
from serving.doctor.finding import Grade
from serving.doctor.packages import Asked, judged, pinned
from serving.settings import Tracing
from tests.doctor_findings import grades, troubles

NUMPY = Asked(Requirement("numpy>=2.0"))
ONNX = Asked(Requirement("onnxruntime>=1.23"), "cpu")
ONNX_GPU = Asked(Requirement("onnxruntime-gpu>=1.23"), "gpu")


def test_what_is_installed_here_is_as_it_is_needed() -> None:
    found = packages.examine(Tracing())
    assert Grade.PROBLEM not in grades(found).values()
    extras = found[-1].says.partition("; not installed: ")[0].split(", ")
    assert {"cpu", "torch", "s3"} <= set(extras)


def test_what_is_missing_or_too_old_is_a_problem_with_its_command() -> None:
    (old,) = troubles(judged([NUMPY], {"numpy": "1.26.4"}, {}))
    assert (old.says, old.fix) == ("1.26.4 is installed, >=2.0 is needed", "pip install 'numpy>=2.0'")
    (none,) = troubles(judged([NUMPY], {"numpy": None}, {}))
    assert none.grade is Grade.PROBLEM


def test_an_extra_may_be_absent_but_not_too_old() -> None:
    found = judged([NUMPY, ONNX], {"numpy": "2.1", "onnxruntime": None}, {})
    assert grades(found) == {"packages": Grade.OK, "extras": Grade.OK}
    assert found[-1].says == "none; not installed: cpu"
    (needed,) = troubles(judged([ONNX], {"onnxruntime": None}, {}, wanted=["cpu"]))
    assert needed.fix == "pip install 'slipway-serving[cpu]'"
    assert grades(judged([ONNX], {"onnxruntime": "1.20"}, {}))["onnxruntime"] is Grade.PROBLEM


def test_alternatives_that_overwrite_each_other_are_a_problem() -> None:
    (both,) = troubles(judged([ONNX, ONNX_GPU], {"onnxruntime": "1.24", "onnxruntime-gpu": "1.24"}, {}))
    assert both.fix == "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install one of them"


def test_releases_that_were_not_tested_are_named_whatever_their_build() -> None:
    (other,) = troubles(
        judged([NUMPY, ONNX], {"numpy": "2.1", "onnxruntime": "1.24+x"}, {"numpy": "2.5", "onnxruntime": "1.24"})
    )
    assert (other.grade, other.says) == (Grade.WARNING, "numpy 2.1 (2.5): in parentheses what the tests ran with")
    assert pinned("numpy==1 ; python_version < '3'\nnumpy==2.5 ; python_version > '3'\n# a\n") == {"numpy": "2.5"}

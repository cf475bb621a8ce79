import pytest
from onnx import TensorProto, checker, helper
from onnxruntime import InferenceSession

from training.export.reasons import reason


def model(operator: str, datatype: int, inputs: int = 1) -> bytes:
    """Of one `operator`, as ONNX writes it."""
    names = [f"x{number}" for number in range(inputs)]
    node = helper.make_node(operator, names, ["y"])
    takes = [helper.make_tensor_value_info(name, datatype, [1, 1, 3, 3]) for name in names]
    gives = helper.make_tensor_value_info("y", datatype, [1, 1, 1, 1])
    graph = helper.make_graph([node], "g", takes, [gives])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()  # type: ignore[no-any-return]


def raised(call: object, *arguments: object, **named: object) -> Exception:
    try:
        call(*arguments, **named)  # type: ignore[operator]
    except Exception as error:
        return error
    pytest.fail("nothing was wrong")


def test_what_onnx_has_no_operator_for_is_named() -> None:
    error = raised(checker.check_model, model("Conv", TensorProto.BFLOAT16, 2), full_check=True)
    assert reason(error, "bf16") == "Conv in the opset that is exported takes no bfloat16"


def test_what_the_runtime_has_no_operator_for_is_named() -> None:
    error = raised(InferenceSession, model("Sigmoid", TensorProto.BFLOAT16), providers=["CPUExecutionProvider"])
    assert reason(error, "bf16") == "ONNX Runtime has no Sigmoid for bf16 on CPUs"


def test_other_faults_of_the_runtime_are_told_as_its_own() -> None:
    error = raised(InferenceSession, b"no model", providers=["CPUExecutionProvider"])
    assert reason(error, "fp16").startswith("ONNX Runtime: ")
    assert "[ONNXRuntimeError]" not in reason(error, "fp16")


def test_what_is_not_known_is_told_in_a_line() -> None:
    assert reason(RuntimeError("x" * 500 + "\nmore"), "pruned") == "x" * 120
    assert reason(ValueError(), "pruned") == "ValueError"

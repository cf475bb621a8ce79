"""Why a file could not be made or run, in words for people. Rule: what the tools say stays, where it is not known."""

import re

_LONGEST = 120  # characters
_NOT_IN_ONNX = re.compile(r"\(op_type:(\w+).* has unsupported type: tensor\((\w+)\)")
_NOT_IN_RUNTIME = re.compile(r"NOT_IMPLEMENTED : Could not find an implementation for (\w+)\(")
_OF_RUNTIME = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


def reason(error: Exception, format_name: str) -> str:
    """One line. `format_name` is the candidate's, such as bf16."""
    says = str(error).strip().partition("\n")[0]
    if found := _NOT_IN_ONNX.search(says):
        return f"{found[1]} in the opset that is exported takes no {found[2]}"
    if found := _NOT_IN_RUNTIME.search(says):
        return f"ONNX Runtime has no {found[1]} for {format_name} on CPUs"
    return (_OF_RUNTIME.sub("ONNX Runtime: ", says) or type(error).__name__)[:_LONGEST]

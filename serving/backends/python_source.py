"""A model.py on disk becomes the class `Model` in memory.

Rule: whatever its code raises, `SystemExit` too, is a `ModelLoadFailed` that names the exception and the line in the
file, and no folder of the server.
"""

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any
from uuid import uuid4

from serving.core.brief import words_of
from serving.errors import ModelLoadFailed

CLASS = "Model"
_TRITONS = "triton_python_backend_utils"
_IS_TRITONS = (
    "this is a model for Triton's Python backend; here model.py has a class Model with execute(self, request), see "
    "docs/python-models.md, 'Coming from Triton'"
)
_LONGEST_REASON = 1000  # characters; some exceptions print a whole model


def import_class(path: Path, model_name: str) -> type:
    """Run the file as a module of its own, which is in `sys.modules` until `forget`.

    It is compiled afresh and no bytecode is written: the repository is only read, and a file that was replaced within
    the same second is noticed.
    """
    module = _new_module(path, model_name)
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
        return _class_in(module, path)
    except BaseException as error:
        _forget(module.__name__)
        if isinstance(error, ModelLoadFailed):
            raise
        if isinstance(error, ModuleNotFoundError) and error.name == _TRITONS:
            raise ModelLoadFailed(_IS_TRITONS) from None
        raise load_failure(error, path) from error


def forget(model_class: type) -> None:
    """And the files beside it that it imported."""
    _forget(model_class.__module__)


def _forget(module: str) -> None:
    for name in list(sys.modules):
        if name == module or name.startswith(f"{module}."):
            sys.modules.pop(name, None)


def checked_method(model: Any, name: str, arguments: list[str], path: Path) -> Callable[..., Any] | None:
    """The bound method, or None. Raises `ModelLoadFailed` when it can't be called with that many arguments."""
    method: Callable[..., Any] | None = getattr(model, name, None)
    if method is None:
        return None
    try:
        inspect.signature(method).bind(*arguments)
    except (TypeError, ValueError):
        expected = f"{name}({', '.join(['self', *arguments])})"
        raise ModelLoadFailed(f"'{path.name}'{line_of(method)}: '{name}' must be a method {expected}") from None
    return method


def refuse_tritons_methods(model: Any, path: Path) -> None:
    """They would never be called; a model that has ours too may call them itself."""
    for tritons, ours, signature in (
        ("initialize", "load", "load(self, context)"),
        ("finalize", "close", "close(self)"),
    ):
        if callable(getattr(model, tritons, None)) and not hasattr(model, ours):
            raise ModelLoadFailed(f"'{path.name}': '{tritons}' would never be called; here it is {signature}")


def load_failure(error: BaseException, path: Path) -> ModelLoadFailed:
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines = [error.lineno or 0]
    where = f", line {lines[-1]}" if lines and lines[-1] else ""
    text = error.msg if isinstance(error, SyntaxError) else words_of(error)
    reason = f"{type(error).__name__}: {text}".replace(f"{path.parent}/", "").strip().removesuffix(":")
    return ModelLoadFailed(f"'{path.name}'{where}: {reason[:_LONGEST_REASON]}")


def line_of(method: Any) -> str:
    code = getattr(inspect.unwrap(method), "__code__", None)
    return f", line {code.co_firstlineno}" if code else ""


def _new_module(path: Path, model_name: str) -> ModuleType:
    unique = re.sub(r"\W", "_", f"slipway_{model_name}_{path.parent.name}_{uuid4().hex}")
    spec = importlib.util.spec_from_file_location(
        unique,
        path,
        loader=SourceFileLoader(unique, str(path)),
        submodule_search_locations=[str(path.parent)],  # `from . import helper` finds its neighbour
    )
    assert spec is not None, "a loader was given"
    return importlib.util.module_from_spec(spec)


def _class_in(module: ModuleType, path: Path) -> type:
    found = getattr(module, CLASS, None)
    if not isinstance(found, type):
        if hasattr(module, "TritonPythonModel"):
            raise ModelLoadFailed(_IS_TRITONS)
        what = "no class" if found is None else f"a {type(found).__name__}, not a class,"
        raise ModelLoadFailed(f"'{path.name}' has {what} named '{CLASS}'")
    return found

import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from serving.backends.python_model import PythonModel
from serving.errors import BackendFailed, InvalidInput, ModelLoadFailed


def made(root: Path, methods: str, decoupled: bool = False, context: Any = None) -> PythonModel:
    text = "import asyncio\nfrom serving.errors import InvalidInput\nclass Model:\n"
    (root / "model.py").write_text(text + "".join(f"    {line}\n" for line in dedent(methods).strip().splitlines()))
    return PythonModel(root / "model.py", "m", context, decoupled)


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("methods", "is_async"),
    [
        ("def execute(self, request): return request + 1", False),
        ("async def execute(self, request): return request + 1", True),
        ("def __init__(self): self.one = 1\ndef execute(self, request): return request + self.one", False),
        ("async def load(self, context): self.one = 1\ndef execute(self, request): return request + self.one", False),
        ("def load(self, context): self.one = 1\nasync def execute(self, request): return request + self.one", True),
        ("@staticmethod\ndef execute(request): return request + 1", False),
    ],
)
def test_each_method_is_sync_or_async(tmp_path: Path, methods: str, is_async: bool) -> None:
    model = made(tmp_path, methods)
    assert model.is_async is is_async
    assert model.execute(1) == 2
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_load_is_given_the_context_and_close_is_called_once_at_the_end(tmp_path: Path, kind: str) -> None:
    trace: list[str] = []
    model = made(
        tmp_path,
        f"""
        {kind} load(self, context): self.trace = context; context.append("load")
        {kind} execute(self, request): self.trace.append(request)
        {kind} close(self): self.trace.append("close")
        """,
        context=trace,
    )
    model.execute("execute")
    model.close()
    assert trace == ["load", "execute", "close"]


ANSWERS = {
    "a generator": "def execute(self, request):\n    yield 1\n    yield 2",
    "an async generator": "async def execute(self, request):\n    yield 1\n    await asyncio.sleep(0)\n    yield 2",
    "a list": "def execute(self, request): return [1, 2]",
    "a list from a coroutine": "async def execute(self, request): return [1, 2]",
    "a generator from a function": "def execute(self, request): return (n for n in (1, 2))",
    "an async generator from a coroutine": (
        "async def execute(self, request): return self.some()\nasync def some(self):\n    yield 1\n    yield 2"
    ),
}


@pytest.mark.parametrize("form", ANSWERS)
def test_responses_come_in_many_forms(tmp_path: Path, form: str) -> None:
    model = made(tmp_path, ANSWERS[form], decoupled=True)
    assert list(model.responses(None, never)) == [1, 2]
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(("value", "responses"), [("{'y': 1}", [{"y": 1}]), ("None", []), ("[]", [])])
def test_one_response_or_none_may_be_returned(tmp_path: Path, kind: str, value: str, responses: list[Any]) -> None:
    model = made(tmp_path, f"{kind} execute(self, request): return {value}", decoupled=True)
    assert list(model.responses(None, never)) == responses
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("value", ["3", "'text'"])
def test_what_is_no_response_is_named(tmp_path: Path, kind: str, value: str) -> None:
    model = made(tmp_path, f"{kind} execute(self, request): return {value}", decoupled=True)
    with pytest.raises(BackendFailed, match=r"it returned a (int|str), not a dict of outputs"):
        list(model.responses(None, never))
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_closing_the_responses_runs_the_generators_finally(tmp_path: Path, kind: str) -> None:
    trace: list[str] = []
    model = made(
        tmp_path,
        f"""
        {kind} execute(self, request):
            try:
                yield 1
                yield 2
            finally:
                request.append("closed")
        """,
        decoupled=True,
    )
    responses = model.responses(trace, never)
    assert next(responses) == 1
    responses.close()
    assert trace == ["closed"]
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_caller_that_left_gets_no_further_response(tmp_path: Path, kind: str) -> None:
    trace: list[str] = []
    model = made(
        tmp_path,
        f"""
        {kind} execute(self, request):
            try:
                yield 1
                request.append("goes on")
                yield 2
                request.append("goes on")
            finally:
                request.append("closed")
        """,
        decoupled=True,
    )
    assert list(model.responses(trace, lambda: bool(trace))) in ([1], [1, 2])
    assert trace == ["goes on", "closed"]
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_caller_that_left_before_it_began_is_not_executed(tmp_path: Path, kind: str) -> None:
    trace: list[str] = []
    model = made(tmp_path, f"{kind} execute(self, request): request.append(1)", decoupled=True)
    assert list(model.responses(trace, lambda: True)) == []
    assert trace == []
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        ("raise InvalidInput('prompt is empty')", InvalidInput, "prompt is empty"),
        ("raise KeyError('x')", KeyError, "'x'"),
        ("raise SystemExit(1)", BackendFailed, "it raised SystemExit: 1"),
        ("raise asyncio.CancelledError", BackendFailed, "it raised CancelledError"),
    ],
)
@pytest.mark.parametrize("decoupled", [False, True])
def test_errors_pass_and_what_would_end_a_thread_is_a_failure(
    tmp_path: Path, kind: str, statement: str, error: type[Exception], words: str, decoupled: bool
) -> None:
    model = made(tmp_path, f"{kind} execute(self, request): {statement}", decoupled)
    with pytest.raises(error, match=words):
        list(model.responses(1, never)) if decoupled else model.execute(1)
    model.close()


@pytest.mark.parametrize(
    ("methods", "reason"),
    [
        ("pass", r"'model.py': class 'Model' has no method execute\(self, request\)"),
        ("def execute(self): pass", r"'model.py', line 4: 'execute' must be a method execute\(self, request\)"),
        ("def execute(self, request):\n    yield {}", r"line 4: .*set model_transaction_policy { decoupled: true }"),
        ("async def execute(self, request):\n    yield {}", r"set model_transaction_policy { decoupled: true }"),
        ("def __init__(self, path): pass\ndef execute(self, r): pass", "TypeError: .*missing 1 required positional"),
        ("def load(self, c):\n    1 / 0\ndef execute(self, r): pass", "'model.py', line 5: ZeroDivisionError"),
        ("async def load(self, c):\n    1 / 0\ndef execute(self, r): pass", "'model.py', line 5: ZeroDivisionError"),
        ("def load(self, c): exit(3)\ndef execute(self, r): pass", "'model.py', line 4: .*SystemExit: 3"),
        ("async def load(self, c): exit(3)\nasync def execute(self, r): pass", "'model.py', line 4: .*SystemExit: 3"),
        ("def load(self): pass\ndef execute(self, r): pass", r"'load' must be a method load\(self, context\)"),
        ("def close(self, x): pass\ndef execute(self, r): pass", r"'close' must be a method close\(self\)"),
    ],
)
def test_what_cannot_be_loaded_says_why(tmp_path: Path, methods: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        made(tmp_path, methods)


def test_a_reason_of_the_models_own_passes(tmp_path: Path) -> None:
    text = "from serving.errors import ModelLoadFailed\nclass Model:\n    def execute(self, r): pass\n"
    text += "    def load(self, context): raise ModelLoadFailed('no weights')\n"
    (tmp_path / "model.py").write_text(text)
    with pytest.raises(ModelLoadFailed, match=r"^no weights$"):
        PythonModel(tmp_path / "model.py", "m", None, False)


def test_a_coroutine_in_disguise_is_a_failure(tmp_path: Path) -> None:
    model = made(tmp_path, "def execute(self, request): return self.other()\nasync def other(self): pass")
    with pytest.raises(BackendFailed, match="declare the method with 'async def'"):
        model.execute(1)
    model.close()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_close_that_fails_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    made(tmp_path, f"def execute(self, r): pass\n{kind} close(self): raise ValueError('too late')").close()
    assert [(record.levelno, "too late" in record.message) for record in caplog.records] == [(logging.WARNING, True)]


@pytest.mark.parametrize(("method", "ours"), [("initialize(self, args)", "load"), ("finalize(self)", "close")])
def test_tritons_methods_are_not_passed_over_in_silence(tmp_path: Path, method: str, ours: str) -> None:
    with pytest.raises(ModelLoadFailed, match=f"would never be called; here it is {ours}"):
        made(tmp_path, f"def {method}: pass\ndef execute(self, request): pass")
    made(tmp_path, f"def {method}: pass\ndef execute(self, r): pass\ndef load(self, c): pass\ndef close(self): pass")

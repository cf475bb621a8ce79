import os
import sys
from pathlib import Path

import pytest

from serving.backends.python_source import checked_method, forget, import_class
from serving.errors import ModelLoadFailed


def write(root: Path, source: str | bytes) -> Path:
    path = root / "model.py"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    return path


def slipway_modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("slipway_")}


def test_the_class_model_is_found_and_its_module_is_known_until_it_is_forgotten(tmp_path: Path) -> None:
    path = write(tmp_path, "from dataclasses import dataclass\n@dataclass\nclass Model:\n    x: 'int' = 3\n")
    found = import_class(path, "my-model.v2")
    assert found().x == 3
    assert sys.modules[found.__module__].__file__ == str(path)
    forget(found)
    assert found.__module__ not in sys.modules
    forget(found)


def test_each_import_is_a_module_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "count = []\nclass Model:\n    seen = count\n")
    first, second = import_class(path, "m"), import_class(path, "m")
    assert first.seen is not second.seen
    forget(first), forget(second)


def test_nothing_is_written_beside_it_and_a_new_file_of_the_same_age_and_size_is_noticed(tmp_path: Path) -> None:
    values = []
    for text in ("class Model: x = 1", "class Model: x = 2"):
        path = write(tmp_path, text)
        os.utime(path, (0, 0))
        found = import_class(path, "m")
        values.append(found.x)
        forget(found)
    assert values == [1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.py"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "'model.py' has no class named 'Model'"),
        ("import triton_python_backend_utils as pb_utils", "this is a model for Triton's Python backend"),
        ("class TritonPythonModel: pass", "this is a model for Triton's Python backend"),
        ("Model = 3", "'model.py' has a int, not a class, named 'Model'"),
        ("class Model:\n    def execute(self\n", "'model.py', line 2: SyntaxError: '(' was never closed"),
        ("\n\nimport no_such_module", "'model.py', line 3: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f():\n    raise KeyError('k')\nf()", "'model.py', line 2: KeyError: 'k'"),
        ("import sys\nsys.exit('bye')", "'model.py', line 2: SystemExit: bye"),
        ("raise BaseException", "'model.py', line 1: BaseException"),
        ("open('/no/such/file')", "'model.py', line 1: FileNotFoundError: No such file or directory: file"),
        ("from numpy import nope", "'model.py', line 1: ImportError: cannot import name 'nope' from 'numpy'"),
        ("raise ValueError('x' * 5000)", "ValueError: xxxx"),
        (b"\xff\xfe", "SyntaxError"),
        (b"class Model: pass\0", "'model.py'"),
        ("(" * 5000, "'model.py'"),
    ],
)
def test_whatever_goes_wrong_is_a_reason_with_its_line(tmp_path: Path, source: str | bytes, reason: str) -> None:
    before = slipway_modules()
    with pytest.raises(ModelLoadFailed) as failure:
        import_class(write(tmp_path, source), "m")
    assert reason in str(failure.value)
    assert str(tmp_path) not in str(failure.value)
    assert "/numpy" not in str(failure.value)
    assert len(str(failure.value)) < 1200
    assert slipway_modules() == before, "nothing half-made is left behind"


def test_a_model_that_interrupts_has_failed_and_the_server_goes_on(tmp_path: Path) -> None:
    before = slipway_modules()
    with pytest.raises(ModelLoadFailed, match="KeyboardInterrupt"):
        import_class(write(tmp_path, "raise KeyboardInterrupt"), "m")
    assert slipway_modules() == before


class Methods:
    def good(self, request: object) -> None: ...
    def short(self) -> None: ...
    def long(self, request: object, more: object) -> None: ...

    text = "text"


def test_methods_must_take_what_they_are_given() -> None:
    path = Path("model.py")
    assert checked_method(Methods(), "good", ["request"], path) is not None
    assert checked_method(Methods(), "missing", ["request"], path) is None
    for name in ("short", "long"):
        with pytest.raises(ModelLoadFailed, match=rf"line \d+: '{name}' must be a method {name}\(self, request\)"):
            checked_method(Methods(), name, ["request"], path)
    with pytest.raises(ModelLoadFailed, match=r"'text' must be a method text\(self\)"):
        checked_method(Methods(), "text", [], path)


def test_a_neighbouring_file_can_be_imported_and_is_forgotten_with_it(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("GREETING = 'hello'")
    found = import_class(write(tmp_path, "from . import words\nclass Model:\n    said = words.GREETING"), "m")
    assert found.said == "hello"  # type: ignore[attr-defined]
    beside = f"{found.__module__}.words"
    assert beside in sys.modules
    forget(found)
    assert beside not in sys.modules

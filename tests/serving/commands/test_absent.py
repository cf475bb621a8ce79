import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from serving.commands.absent import is_installed

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`serving` alone, as an image for serving has it, beside a folder that has the name of what is not there."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "serving").symlink_to(ROOT / "serving")
    (folder / "training").mkdir()
    return folder


def slipway(alone: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    library = sysconfig.get_path("purelib")
    code = f"import sys; sys.path += [{str(alone)!r}, {library!r}]; from serving.cli import main; main()"
    command = [sys.executable, "-S", "-c", code, *arguments]  # -S: what is installed editable is not seen
    return subprocess.run(command, cwd=alone, capture_output=True, text=True, env={"COLUMNS": "100"})


@pytest.mark.parametrize("arguments", [("train", "digits-cnn", "--epochs", "1"), ("import", "--help")])
def test_a_command_of_a_part_that_is_not_installed_is_a_line_that_says_what_has_it(
    arguments: tuple[str, ...], alone: Path
) -> None:
    done = slipway(alone, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"slipway {arguments[0]} is not in this installation, which only serves; the image 'training' has it, "
        "and so has pip install 'slipway-serving[train]'\n"
    )


def test_the_help_shows_what_is_there(alone: Path) -> None:
    told = slipway(alone, "--help").stdout
    assert "│ serve " in told
    assert "│ train " not in told
    assert "│ loadtest " not in told


def test_a_folder_that_has_a_package_s_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed("a_folder")
    assert is_installed("serving")

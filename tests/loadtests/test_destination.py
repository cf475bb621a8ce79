from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.destination import CannotWrite, check, save


def test_what_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    there, new = tmp_path / "there.json", tmp_path / "folder" / "new.json"
    save("--json", there, b"before")
    check("--json", there)
    check("--json", new)
    check("--json", None)
    assert there.read_bytes() == b"before"
    assert not new.exists()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for each in (lambda: check("--json", tmp_path), lambda: save("--json", tmp_path, b"")):
        with pytest.raises(CannotWrite, match=r"--json .* can't be written \(Is a directory\)"):
            each()


@pytest.mark.parametrize("words", ["URL --json", "URL --report", "scenario smoke URL --json"])
def test_it_is_told_before_the_server_is_asked(tmp_path: Path, words: str) -> None:
    command = words.replace("URL", "http://127.0.0.1:1").split()
    done = CliRunner().invoke(loadtest, [*command, str(tmp_path)])
    assert done.exit_code == 2
    assert "can't be written" in done.stderr
    assert "no server" not in done.stderr

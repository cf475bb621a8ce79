import threading
import time
from pathlib import Path

import pytest

from serving.core.remembered import NOTHING, Remembered
from serving.engine import state_file
from serving.engine.state_file import StateFile, StateFileUnusable
from tests.running_server import until

ONE, TWO = Remembered("1", {"1/model.onnx": (1, 2)}), Remembered("2", {"2/model.onnx": (3, 4)})


def test_it_remembers_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.json"
    state = StateFile(path)
    assert state.of("digits") == NOTHING
    state.note("digits", ONE)
    state.note("cancer", TWO)
    state.note("digits", TWO)
    again = StateFile(path)
    assert (again.of("digits"), again.of("cancer"), again.of("other")) == (TWO, TWO, NOTHING)
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


def test_without_a_file_it_remembers_until_the_server_stops() -> None:
    state = StateFile()
    state.note("digits", ONE)
    assert state.of("digits") == ONE
    assert StateFile().of("digits") == NOTHING


def test_the_file_is_written_only_for_something_new(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path)
    state.note("digits", ONE)
    path.unlink()
    state.note("digits", ONE)
    assert not path.exists()


def test_models_that_change_at_once_are_all_in_it(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.json")
    threads = [threading.Thread(target=state.note, args=(f"m{number}", ONE)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {StateFile(tmp_path / "state.json").of(f"m{number}").current for number in range(16)} == {"1"}


def test_what_can_not_be_written_is_said_known_all_the_same_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "_AGAIN", 0.05)
    path = tmp_path / "state.json"
    state = StateFile(path)
    path.mkdir()
    state.note("digits", ONE)
    assert f"{path} can't be written, and is tried again: Is a directory" in caplog.text
    assert state.of("digits") == ONE
    time.sleep(0.2)  # some tries
    path.rmdir()
    until(lambda: f"{path} is written again" in caplog.text)
    assert caplog.text.count("can't be written") == 1, "it is told once"
    assert StateFile(path).of("digits") == ONE


def test_a_file_that_is_given_without_its_folder_is_written_in_place(tmp_path: Path) -> None:
    """As a container may have it; a folder that nobody may write into stands for a mount here."""
    path = tmp_path / "given" / "state.json"
    path.parent.mkdir()
    path.touch()
    link = tmp_path / "link.json"
    link.symlink_to(path)
    StateFile(link).note("digits", ONE)
    assert link.is_symlink()
    assert StateFile(path).of("digits") == ONE


def test_an_empty_file_knows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.touch()
    assert StateFile(path).of("digits") == NOTHING


def test_a_file_that_is_something_else_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("{ half")
    with pytest.raises(StateFileUnusable, match=r"state\.json can't be understood .*; delete it"):
        StateFile(path)
    for other in (tmp_path, Path("/dev/full")):
        with pytest.raises(StateFileUnusable, match="is no ordinary file; --state-file names another"):
            StateFile(other)

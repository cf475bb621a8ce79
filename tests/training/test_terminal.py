import pytest
import typer

from serving.errors import ModelLoadFailed
from training.errors import ImportRefused, InvalidConfig
from training.terminal import one_line_errors, stopped


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidConfig("epochs must be above 0"), 2, "epochs must be above 0"),
        (ImportRefused("no folder"), 1, "no folder"),
        (ModelLoadFailed("no file"), 1, "no file"),
        (PermissionError(13, "Permission denied", "x"), 1, "[Errno 13] Permission denied: 'x'"),
        (OSError(28, "No space left on device", "x"), 1, "there is no room for x (No space left on device); when"),
        (ModuleNotFoundError("no", name="torch"), 1, "the package 'torch' is not installed"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_status(
    error: Exception, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, one_line_errors():
        raise error

    assert caught.value.exit_code == status
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {said}")
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_our_own_mistakes_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError


def test_a_command_stops_with_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert stopped("give a name", 2).exit_code == 2
    assert capsys.readouterr().err == "error: give a name\n"

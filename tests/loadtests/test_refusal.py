import pytest
import typer

from loadtests.refusal import refusing


def test_an_error_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, refusing("compare", ValueError):
        raise ValueError("there is nothing to compare")
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == "compare: there is nothing to compare\n"


def test_other_errors_are_nobodys_words() -> None:
    with pytest.raises(ZeroDivisionError), refusing("compare", ValueError):
        raise ZeroDivisionError

import pytest

from loadtests.other_names import advice
from tests.integration.test_command_line import typed


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["URL", "--rate", "5", "--duration", "30s"], "there is no --duration; here it is --seconds"),
        (["--qps=5", "URL"], "there is no --qps; here it is --rate"),
        (["-c", "5"], "there is no -c; here it is --concurrency"),
        (["--rate", "5"], ""),
        (["--unheard-of"], ""),
        (["--data", "duration"], ""),
    ],
)
def test_an_option_of_another_tool_is_answered_with_ours(args: list[str], words: str) -> None:
    assert advice(args, {"--rate", "--seconds", "--data"}) == words


def test_what_is_ours_is_no_others() -> None:
    assert advice(["--batch-size"], {"--batch-size"}) == ""


def test_every_name_that_is_told_is_an_option() -> None:
    for option in ("--time", "--vus", "--rps", "--num-prompts", "-m", "-b", "--input-data", "-H"):
        told = typed("loadtest", "http://127.0.0.1:9", option, "1", COLUMNS="400")
        assert told.returncode == 2
        ours = told.stderr.partition("here it is ")[2].split()[0]
        assert ours in typed("loadtest", "load", "--help", COLUMNS="400").stdout

import pytest

from loadtests.clients.client import Reply
from loadtests.collecting import Collecting
from loadtests.outcomes import NO_ANSWER
from loadtests.rolling.traffic import Traffic
from loadtests.rolling.update import counted, show


def round_of(*statuses: int) -> Traffic:
    notes = Collecting()
    for number, status in enumerate(statuses):
        notes.note(number, 0.0, 0.0, 0.1, Reply(status), 0.0)
    return Traffic(0.0, {"patient-json": notes.taken()})


def test_what_failed_is_counted_over_all_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    found = counted([round_of(200, 200), round_of(503, 200, NO_ANSWER)])
    assert found == {"patient-json": (5, 2)}
    show("killed", found)
    assert capsys.readouterr().out.split("\n")[1].split() == ["httpx,", "retries", "5", "2"]

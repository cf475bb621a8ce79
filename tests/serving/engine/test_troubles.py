import pytest

from serving.engine.troubles import Troubles


def test_what_goes_wrong_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    troubles = Troubles("the folder %s")
    troubles.note("a", "")
    for attempt in range(3):
        troubles.note("a", f"gone, attempt {attempt}")
    assert (troubles.of("a"), troubles.of("b")) == ("gone, attempt 2", "")
    troubles.note_all({"b": "gone too"})
    troubles.note_all({"b": "gone too"})
    assert troubles.of("a") == ""
    assert [record.getMessage() for record in caplog.records] == [
        "the folder a is left as it is: gone, attempt 0",
        "the folder a is read again",
        "the folder b is left as it is: gone too",
    ]

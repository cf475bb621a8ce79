import json
from pathlib import Path

import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.load import Open
from loadtests.result_file import Document, NoResult, read, write
from loadtests.run import Plan, run
from tests.loadtests.test_run import target


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with stub() as url:
        result = run(target(url, "/events/3"), Plan(Open(100), 0.5, warm_up=0.0))
    document = Document((result, result), {"capacity": 5})
    write(tmp_path / "new" / "result.json", document)
    assert read(tmp_path / "new" / "result.json") == document


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no result of a load test"),
        ("[]", "no result of a load test"),
        ('{"format": 1, "runs": [{}], "decision": {}}', "no result of a load test"),
        ('{"format": 1, "runs": [1], "decision": {}}', "no result of a load test"),
        ('{"format": 1, "runs": [], "decision": []}', "no result of a load test"),
        ('{"format": 1, "runs": [], "decision": {}}', "holds no run"),
        ('{"format": 99}', "format 99"),
    ],
)
def test_what_is_no_result_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(NoResult, match=words):
        read(tmp_path / "other.json")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoResult, match="No such file"):
        read(tmp_path / "none.json")


def test_a_later_field_does_no_harm(tmp_path: Path) -> None:
    with stub() as url:
        document = Document((run(target(url), Plan(Open(100), 0.2, warm_up=0.0)),))
    write(tmp_path / "result.json", document)
    found = json.loads((tmp_path / "result.json").read_text())
    found["runs"][0]["later"] = 1
    (tmp_path / "result.json").write_text(json.dumps(found))
    assert read(tmp_path / "result.json") == document

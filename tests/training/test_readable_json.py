import json

from training import readable_json


def test_lists_of_numbers_stand_on_one_line() -> None:
    text = readable_json.encode({"confusion": [[1, 2], [3, 4]], "empty": [], "name": "a"}).decode()

    assert '"confusion": [\n    [1, 2],\n    [3, 4]\n  ]' in text
    assert text.endswith("}\n")


def test_what_is_read_back_is_what_was_written() -> None:
    document = {"a": [1.5, -2e-9], "b": [{"c": [None, True]}, []], "text": "[ 1,\n 2 ]", "words": ["[ 1 ]", "x  y"]}

    assert json.loads(readable_json.encode(document)) == document

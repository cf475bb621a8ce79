import re
import subprocess
import sys

import pytest

from training.data.documents import Document, paragraphs
from training.data.python_docs import load, of_packages


@pytest.fixture(scope="module")
def documents() -> dict[str, list[str]]:
    """Texts by name."""
    found: dict[str, list[str]] = {}
    for document in (*load().train, *load().held_out):
        found.setdefault(document.name, []).append(document.text)
    return found


def test_topics_methods_builtins_and_modules_are_there_by_the_names_one_asks_for(
    documents: dict[str, list[str]],
) -> None:
    assert documents["assert"][0].startswith('The "assert" statement\n\nAssert statements are')
    assert documents["str.join"][0].startswith("str.join(iterable)\n\n   Return a string")
    assert any("length" in text or "number of items" in text for text in documents["len"])
    assert documents["textwrap.dedent"][0].startswith("Remove any common leading whitespace")
    assert documents["json.decoder.JSONDecoder"][0].startswith("Simple JSON")


def test_there_is_enough_of_it_and_a_part_is_held_out() -> None:
    size = sum(len(document.text) for document in load().train)
    held_out = sum(len(document.text) for document in load().held_out)

    assert size > 1_000_000
    assert 0.01 < held_out / size < 0.1


def test_held_out_text_is_nowhere_in_the_training_text() -> None:
    learnt = {paragraph for document in load().train for paragraph in paragraphs(document.text)}
    names = {document.name for document in load().train}

    assert not any(learnt & paragraphs(document.text) for document in load().held_out)
    assert not any(document.name in names for document in load().held_out)


def test_no_text_is_there_twice() -> None:
    texts = [re.sub(r"\W+", " ", document.text) for document in (*load().train, *load().held_out)]

    assert len(set(texts)) == len(texts)


def test_modules_are_read_and_not_imported_and_another_process_finds_the_same() -> None:
    program = """
import sys
from training.data.python_docs import load, of_packages
print(load().fingerprint(), {"this", "antigravity", "turtle", "cgitb"} & set(sys.modules) or "")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [load().fingerprint()]


def test_names_are_no_empty_ones() -> None:
    assert Document("", "") not in load().train
    assert all(document.name and document.text for document in (*load().train, *load().held_out))


def test_parts_of_the_library_are_read_by_their_names_alone() -> None:
    names = {document.name for document in of_packages({"decimal", "wsgiref"})}

    assert {name.partition(".")[0] for name in names} == {"decimal", "wsgiref"}
    assert {"decimal.Decimal.sqrt", "wsgiref.util.guess_scheme"} <= names

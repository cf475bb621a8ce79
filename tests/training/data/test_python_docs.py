import hashlib
import re
import subprocess
import sys

import pytest

from training.data.documents import Document, DocumentSplits, paragraphs, split
from training.data.python_docs import load, of_packages


@pytest.fixture(scope="module")
def parts() -> DocumentSplits:
    return split(load())


@pytest.fixture(scope="module")
def documents() -> dict[str, list[str]]:
    """Texts by name."""
    found: dict[str, list[str]] = {}
    for document in load().documents:
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


def test_there_is_enough_of_it_and_parts_are_held_out(parts: DocumentSplits) -> None:
    size, *held_out = (
        sum(len(document.text) for document in part) for part in (parts.train, parts.validation, parts.test)
    )

    assert size > 1_000_000
    assert all(0.005 < part / size < 0.05 for part in held_out)


def test_held_out_text_is_nowhere_in_the_training_text(parts: DocumentSplits) -> None:
    learnt = {paragraph for document in parts.train for paragraph in paragraphs(document.text)}
    names = {document.name for document in parts.train}

    assert not any(learnt & paragraphs(document.text) for document in (*parts.validation, *parts.test))
    assert not any(document.name in names for document in (*parts.validation, *parts.test))


def test_no_text_is_there_twice(parts: DocumentSplits) -> None:
    texts = [re.sub(r"\W+", " ", document.text) for document in (*parts.train, *parts.validation, *parts.test)]

    assert len(set(texts)) == len(texts)


def test_modules_are_read_and_not_imported_and_another_process_finds_the_same() -> None:
    program = """
import hashlib, sys
from training.data.python_docs import load
found = hashlib.sha256(repr(load()).encode()).hexdigest()
print(found, {"this", "antigravity", "turtle", "cgitb"} & set(sys.modules) or "")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [hashlib.sha256(repr(load()).encode()).hexdigest()]


def test_names_are_no_empty_ones() -> None:
    assert Document("", "") not in load().documents
    assert all(document.name for document in load().documents)


def test_parts_of_the_library_are_read_by_their_names_alone() -> None:
    names = {document.name for document in of_packages({"decimal", "wsgiref"})}

    assert {name.partition(".")[0] for name in names} == {"decimal", "wsgiref"}
    assert {"decimal.Decimal.sqrt", "wsgiref.util.guess_scheme"} <= names

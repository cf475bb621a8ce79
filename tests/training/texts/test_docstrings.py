import re

import pytest

from training.texts.docstrings import PARTS, read
from training.texts.labelled import Labelled, cleaned


@pytest.fixture(scope="module")
def docstrings() -> Labelled:
    return read()


def test_every_part_has_enough_to_learn_from_and_none_is_most_of_it(docstrings: Labelled) -> None:
    labels = cleaned(docstrings).labels
    counts = {part: labels.count(part) for part in PARTS}

    assert len(PARTS) >= 10
    assert min(counts.values()) >= 50
    assert max(counts.values()) < 0.2 * len(labels)


def test_no_text_names_a_part(docstrings: Labelled) -> None:
    words = {word.lower() for text in docstrings.texts for word in re.findall(r"\w+", text)}

    assert not words & set(PARTS)
    assert any("event loop" in text for text in docstrings.texts)


def test_short_ones_are_left_out_and_counted(docstrings: Labelled) -> None:
    assert min(len(text) for text in docstrings.texts) >= 40
    assert docstrings.dropped["shorter than 40 characters"] > 100


def test_a_part_that_is_not_there_is_no_label() -> None:
    assert set(read(("xml", "not_a_module")).labels) == {"xml"}

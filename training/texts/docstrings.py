"""Docstrings of Python's standard library, and which part of it each is from.

Rule: the names of the parts are taken out of the texts, as they would give it away; what else a docstring names stays.
"""

import platform
import re
from collections.abc import Sequence

from training.data import python_docs
from training.texts.labelled import Labelled

PARTS = (
    "asyncio",
    "decimal",
    "email",
    "http",
    "importlib",
    "inspect",
    "ipaddress",
    "logging",
    "multiprocessing",
    "tarfile",
    "typing",
    "unittest",
    "urllib",
    "xml",
)
"""Those with the most to say that every Python has."""

_SHORTEST = 40  # characters; `Return the name.` could be from anywhere
_NAMES = re.compile(rf"\b(?:{'|'.join(PARTS)})\b", re.IGNORECASE)


def read(parts: Sequence[str] = PARTS) -> Labelled:
    documents = list(python_docs.of_packages(parts))
    texts = [_NAMES.sub(" ", document.text) for document in documents]
    long = [len(" ".join(text.split())) >= _SHORTEST for text in texts]
    return Labelled(
        source=f"docstrings of Python {platform.python_version()}'s standard library",
        texts=tuple(text for text, kept in zip(texts, long, strict=True) if kept),
        labels=tuple(document.name.partition(".")[0] for document, kept in zip(documents, long, strict=True) if kept),
        dropped={f"shorter than {_SHORTEST} characters": long.count(False)},
        notes=(
            "the parts' names are taken out of the texts",
            "docstrings of one module are on both sides of the split",
        ),
    )

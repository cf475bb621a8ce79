"""What every Python carries of its own documentation: reference topics, built-in types and the standard library.

Rule: modules are read, not imported; the same Python gives the same documents in the same order.
"""

import ast
import builtins
import inspect
import platform
import re
import sysconfig
import warnings
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

from training.data.documents import Document, Documents

# Tests explain themselves to their authors; the others are programs, or not Python's own.
_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}

_HEADING = re.compile(r"^(\S.*)\n(?:\*{3,}|={3,}|-{3,}|~{3,}|\^{3,})\n", re.MULTILINE)
# `str.split(sep=None, maxsplit=-1)`, perhaps several of the kind, and what is indented below.
_ENTRY = re.compile(
    r"^(?:class |exception )?([\w.]+)\([^\n]*\)\n(?:\S[^\n]*\)\n)*(?:\n+ {3}[^\n]+(?:\n {3}[^\n]+)*)+", re.MULTILINE
)


_HELD_OUT = 0.05


@cache
def load() -> Documents:
    """A few seconds of reading the first time."""
    documents = (*_reference(), *_of_builtins(), *_of_modules(Path(sysconfig.get_path("stdlib"))))
    return Documents(f"the documentation in Python {platform.python_version()}", documents, _HELD_OUT)


def _reference() -> Iterator[Document]:
    """Each topic's first section under the topic's name, then what is defined in all of them, then other sections."""
    first, entries, others = [], [], []
    for topic, text in sorted(topics.items()):
        entries += [Document(found[1], found[0].strip()) for found in _ENTRY.finditer(text)]
        opening, *sections = _sections(_ENTRY.sub("", text))
        first.append(Document(topic, opening.text))
        others += sections
    return iter([*first, *entries, *others])


def _sections(text: str) -> list[Document]:
    """By their titles. What precedes the first title belongs to the first section."""
    parts = _HEADING.split(text)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    sections = [Document(title, f"{title}\n\n{_tidy(body)}") for title, body in pairs]
    return sections or [Document("", _tidy(text))]


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").rstrip()


def _of_builtins() -> Iterator[Document]:
    for name, thing in sorted(vars(builtins).items()):
        if name.startswith("_") or not callable(thing):
            continue
        yield from _docstring(name, thing)
        if isinstance(thing, type):
            for attribute, member in sorted(vars(thing).items()):
                yield from _docstring(f"{name}.{attribute}", member)


def _docstring(name: str, thing: object) -> Iterator[Document]:
    text = getattr(thing, "__doc__", None)
    if isinstance(text, str):
        yield Document(name, inspect.cleandoc(text))


def of_packages(names: Container[str]) -> Iterator[Document]:
    """The docstrings of these parts of the standard library, modules or packages, under their dotted names."""
    for module, path in _modules(Path(sysconfig.get_path("stdlib"))):
        if module.partition(".")[0] in names:
            yield from _of_source(module, path)


def _of_modules(library: Path) -> Iterator[Document]:
    for module, path in _modules(library):
        yield from _of_source(module, path)


def _modules(library: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).with_suffix("").parts
        if _LEFT_OUT.isdisjoint(parts):
            yield ".".join(parts).removesuffix(".__init__").removeprefix("_py"), path


def _of_source(module: str, path: Path) -> Iterator[Document]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the library's own escapes
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # some files are there to be wrong
    yield from _of_node(module, tree)


def _of_node(name: str, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Document]:
    if text := ast.get_docstring(node):
        yield Document(name, text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_node(f"{name}.{child.name}", child)

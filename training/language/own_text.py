"""Texts of a user's own to learn to write from: files of text, or a column of a table.

Rule: what is left out is counted by its reason; of a long text, passages are apart, so that a single file can be both
learnt from and held out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from training.data import tables
from training.data.documents import Document, Documents
from training.errors import InvalidConfig, InvalidData

SUFFIXES = (".txt", ".md", ".py")

_HELD_OUT = 0.2
_NAMED = 3  # files that can't be read
_PASSAGES = 100  # that all texts together are cut into, or so
_SHORTEST, _LONGEST = 400, 20_000  # characters of a passage
_ENDS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"\s"))
_WANTED = f"{', '.join(SUFFIXES)} files, or {tables.WANTED}"


def read(path: Path, text: str, name: str) -> Documents:
    """`text` is a table's column, and `name` that of what someone would ask for to be written it; "" where there is
    none. Raises `InvalidData`, `InvalidConfig`."""
    files = _files(path)
    if files and name:
        raise InvalidConfig(f"data.name is '{name}', a table's column, and '{path}' holds texts without columns")
    given = _of_files(path, files) if files else _of_table(path, text, name)
    return replace(given, documents=tuple(passages(given.documents)))


def passages(documents: Sequence[Document]) -> Iterator[Document]:
    """What is named, or short among all, is left whole."""
    size = min(max(sum(len(document.text) for document in documents) // _PASSAGES, _SHORTEST), _LONGEST)
    for document in documents:
        if document.name or len(document.text) < 2 * size:
            yield document
        else:
            yield from _cut(document.text, size)


def _cut(text: str, size: int) -> Iterator[Document]:
    start = 0
    while len(text) - start >= 2 * size:
        end = _end(text, start + size, start + 2 * size)
        yield Document("", text[start:end], is_cut_off=True)
        start = end
    if start < len(text):
        yield Document("", text[start:])


def _end(text: str, earliest: int, latest: int) -> int:
    """After a paragraph, or else a line, or else a word."""
    ends = (pattern.search(text, earliest, latest) for pattern in _ENDS)
    return next((found.end() for found in ends if found), latest)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.suffix.lower() in SUFFIXES and path.is_file() else []
    found = sorted(each for each in path.rglob("*") if _is_text(each, path))
    table = next((each for each in sorted(path.iterdir()) if tables.is_table(each)), None)
    if found and table:
        raise InvalidData(
            f"'{path}' holds texts, such as {found[0].name}, and tables, such as {table.name}; give one kind"
        )
    if not found and not table:
        raise InvalidData(f"'{path}' holds no text; give {_WANTED}")
    return found


def _is_text(path: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not is_hidden and path.suffix.lower() in SUFFIXES and path.is_file()


def _of_files(path: Path, files: Sequence[Path]) -> Documents:
    documents, dropped, notes = [], Counter[str](), []
    for file in files:
        try:
            text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        except (UnicodeDecodeError, OSError) as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "unreadable"
            dropped[reason] += 1
            notes.append(f"{reason}: {file.relative_to(path) if file != path else file.name}")
            continue
        if text.strip():
            documents.append(Document("", text))
        else:
            dropped["empty"] += 1
    more = [f"and {len(notes) - _NAMED} more files that can't be read"] if len(notes) > _NAMED else []
    source = f"{path} ({len(files):,} files)" if len(files) > 1 else str(path)
    return Documents(source, tuple(documents), _HELD_OUT, dropped, (*notes[:_NAMED], *more))


def _of_table(path: Path, text: str, name: str) -> Documents:
    frame = tables.read(path, (text, name) if name else (text,))
    texts = tables.texts(path, frame[text])
    names = tables.texts(path, frame[name]) if name else [""] * len(texts)
    documents = tuple(Document(each.strip(), it) for each, it in zip(names, texts, strict=True) if it.strip())
    return Documents(str(path), documents, _HELD_OUT, {"without a text": len(texts) - len(documents)})

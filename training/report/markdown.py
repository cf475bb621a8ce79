"""Sections as Markdown, for people who read a model's folder, and for pages that show cards.

Rule: what can't be said in words, plots and pictures, is left to the page.
"""

import re
from collections.abc import Iterable, Sequence

from training.report.section import Cell, Section, Table, Text

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!])")


def markdown(title: str, lead: str, sections: Sequence[Section]) -> bytes:
    lines = [f"# {_escaped(title)}", "", _escaped(lead), ""]
    for section in sections:
        lines += [f"## {_escaped(section.title)}", ""]
        for part in section.parts:
            if isinstance(part, Text):
                lines += [_escaped(part.text), ""]
            elif isinstance(part, Table):
                lines += [*_table(part), ""]
    return ("\n".join(lines).rstrip() + "\n").encode("utf-8", "replace")


def _table(table: Table) -> Iterable[str]:
    yield _row(table.head)
    yield _row(["---"] * len(table.head))
    yield from map(_row, table.rows)
    if table.caption:
        yield f"\n{_escaped(table.caption)}"


def _row(cells: Iterable[Cell]) -> str:
    return f"| {' | '.join(_escaped(cell) if isinstance(cell, str) else '' for cell in cells)} |"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))

"""What a report is made of: sections of paragraphs, tables, plots, pictures, words and text to copy.

Rule: plain data with the users' own texts as they are; whoever writes a page of it escapes them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """`tone` is "good" or "bad" where it is a verdict."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """To be copied as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """A small one, in a cell of a table."""

    counts: tuple[int, ...]
    alt: str


Cell = str | Histogram


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Points in the order of `x`; `low` and `high`, where there are any, are the ends of each point's interval."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """`is_share`: both axes go from 0 to 1, with the diagonal on which both are equal."""

    x: str
    y: str
    lines: tuple[Line, ...]
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Beside one another for each of `labels`, with each series' value there; lying ones go to the right of zero and
    to the left."""

    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    axis: str
    are_lying: bool = False


@dataclass(frozen=True, slots=True)
class Heatmap:
    """`cells[row][column]`."""

    rows: str
    columns: str
    labels: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


Plot = Lines | Bars | Heatmap


@dataclass(frozen=True, slots=True)
class Figure:
    """`alt` tells who can't see it what it shows."""

    plot: Plot
    alt: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """SVG as `figures.drawn` makes it; the caption says how to read it."""

    svg: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    png: bytes
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Pictures:
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Of a text, each with how much it speaks for an answer, from -1, against it, to 1."""

    words: tuple[tuple[str, float], ...]
    caption: str = ""


Part = Text | Code | Table | Figure | Drawing | Pictures | Words


@dataclass(frozen=True, slots=True)
class Section:
    """`in_card` is what belongs on a model's card too, which shows no row of the data."""

    title: str
    parts: tuple[Part, ...]
    in_card: bool = False

"""What a model was trained on: where it came from, what was dropped, how it was split, and its columns."""

from collections.abc import Iterable, Mapping

from training.data.card import Card, Column
from training.report.section import Bars, Cell, Figure, Histogram, Part, Section, Table, Text

_MOST_CLASSES = 30  # that bars can be told apart of
_MOST_COLUMNS = 100


def section(card: Card, fingerprint: str) -> Section:
    return Section("Data", tuple(_parts(card, fingerprint)))


def _parts(card: Card, fingerprint: str) -> Iterable[Part]:
    yield Text(f"From {card.published_source}, {card.read:,} read. SHA-256 of all tensors: {fingerprint}.")
    yield Table(
        ("rows", ""),
        (
            *((f"dropped: {reason}", f"{count:,}") for reason, count in card.dropped.items()),
            *((f"kept for {split}", f"{count:,}") for split, count in card.kept.items()),
        ),
    )
    if card.classes:
        yield _classes(card.classes)
    if card.columns:
        yield _columns(card.columns)
    for note in card.notes:
        yield Text(_sentence(note))


def _classes(classes: Mapping[str, Mapping[str, int]]) -> Figure | Table:
    labels = tuple(next(iter(classes.values())))
    if len(labels) > _MOST_CLASSES:
        rows = tuple((label, *(f"{of_split[label]:,}" for of_split in classes.values())) for label in labels)
        return Table(("class", *classes), rows, "Rows of each class by split.")
    series = tuple((split, tuple(float(of_split[label]) for label in labels)) for split, of_split in classes.items())
    told = "; ".join(f"{split}: {', '.join(f'{n} {it}' for it, n in of.items())}" for split, of in classes.items())
    return Figure(Bars(labels, series, "rows"), f"Rows of each class by split. {told}.")


def _columns(columns: tuple[Column, ...]) -> Table:
    rows = tuple(_column(column) for column in columns[:_MOST_COLUMNS])
    more = len(columns) - len(rows)
    return Table(
        ("column", "kind", "missing", "", ""), rows, f"{more} more columns are not shown." if more else "Columns."
    )


def _column(column: Column) -> tuple[Cell, ...]:
    statistics = ", ".join(f"{name} {value:.4g}" for name, value in column.statistics.items())
    values = ", ".join(f"{value}: {count:,}" for value, count in list(column.values.items())[:8])
    counts = tuple(column.values.values())
    shown: Cell = Histogram(counts, values) if counts else ""
    return column.name, column.kind, f"{column.missing:,}", statistics or values, shown


def _sentence(note: str) -> str:
    text = note[:1].upper() + note[1:]
    return text if text.endswith(".") else f"{text}."

"""What a classifier's report tells: what it takes for what, how good each class is, whether its probabilities can be
believed, and where it was most wrong.

Rule: every share comes with its interval; `probabilities` and `labels` are as in `scores`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from training.classification import scores
from training.kind import Example
from training.report import slices
from training.report.intervals import Share, f1_interval
from training.report.section import Figure, Heatmap, Line, Lines, Part, Picture, Pictures, Section, Table, Text

WORST = 12
_MOST_CLASSES = 40  # that are shown one by one
_BINS = 10
_LONGEST = 400  # characters of an example


def sections(
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    drawn: Callable[[int], Example],
) -> Iterable[Section]:
    """Of test rows, which `drawn` makes files of and `groups` tell each one's group."""
    confusion = scores.confusion(probabilities, labels)
    yield confused(confusion, names)
    yield each_class(confusion, names)
    yield calibrated(probabilities, labels)
    yield most_wrong(probabilities, labels, names, drawn)
    yield slices.section(groups, probabilities.argmax(axis=1), labels, names)


def confused(confusion: np.ndarray, names: Sequence[str]) -> Section:
    """`confusion` is [actual, predicted]."""
    wrong = [
        (int(confusion[actual, answer]), names[actual], names[answer])
        for actual, answer in zip(*np.nonzero(confusion), strict=True)
        if actual != answer
    ]
    worst = sorted(wrong, key=lambda pair: -pair[0])[:10]
    if not worst:
        told: Part = Text(f"All {confusion.sum():,} answers are right.")
    else:
        told = Table(
            ("is", "taken for", "rows"), tuple((actual, answer, f"{count:,}") for count, actual, answer in worst)
        )
    if len(names) > _MOST_CLASSES:
        return Section("Confusion", (told,))
    right = int(np.trace(confusion))
    alt = f"Rows by class and answer: {right:,} of {confusion.sum():,} are on the diagonal, where the answer is right."
    cells = tuple(map(tuple, confusion.tolist()))
    return Section("Confusion", (Figure(Heatmap("is", "answer", tuple(names), cells), alt), told))


def each_class(confusion: np.ndarray, names: Sequence[str]) -> Section:
    order = sorted(range(len(names)), key=lambda number: _f1(confusion, number))[:_MOST_CLASSES]
    shown = sorted(order)
    caption = "Precision: of its answers, how many are right; recall: of its rows, how many were found. 95 % intervals."
    if len(shown) < len(names):
        caption = f"The {len(shown)} classes with the least F1, of {len(names)}. {caption}"
    right = Share(int(np.trace(confusion)), int(confusion.sum()))
    head = ("class", "rows", "precision", "95 %", "recall", "95 %", "F1", "95 %")
    return Section(
        "Each class",
        (
            Text(f"Right are {right} of {right.of:,} answers; the interval is {right.interval}."),
            Table(head, tuple(_row(confusion, number, names[number]) for number in shown), caption),
        ),
        in_card=True,
    )


def calibrated(probabilities: np.ndarray, labels: np.ndarray) -> Section:
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    found = [(float(sure[bins == number].mean()), right[bins == number]) for number in np.unique(bins)]
    shares = [Share(int(hits.sum()), len(hits)) for _, hits in found]
    error = scores.calibration_error(probabilities, labels)
    line = Line(
        "answers",
        tuple(mean for mean, _ in found),
        tuple(share.value for share in shares),
        tuple(share.interval.low for share in shares),
        tuple(share.interval.high for share in shares),
    )
    more = float(sure.mean() - right.mean())
    alt = "How often answers are right over how sure the model is of them; on the diagonal both are the same."
    rows = tuple(
        (f"{mean:.1%}", f"{share.of:,}", str(share), str(share.interval))
        for (mean, _), share in zip(found, shares, strict=True)
    )
    return Section(
        "Calibration",
        (
            Text(
                f"On average it is sure to {sure.mean():.1%} and right in {right.mean():.1%}: "
                f"{'more' if more > 0 else 'less'} sure than right, by {abs(more):.1%}. The expected calibration error "
                f"is {error:.1%}."
            ),
            Figure(Lines("sure", "right", (line,), is_share=True), alt),
            Table(("sure, mean", "rows", "right", "95 %"), rows, f"In {_BINS} ranges of how sure it is."),
        ),
    )


def most_wrong(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str], drawn: Callable[[int], Example]
) -> Section:
    """`drawn` makes a file of a row."""
    rows = worst(probabilities, labels)
    if not len(rows):
        return Section("Most sure and wrong", (Text("No row was answered wrongly."),))
    answers = probabilities.argmax(axis=1)
    told = [
        (drawn(row), f"is {names[labels[row]]}, answer {names[answers[row]]}", f"{probabilities[row].max():.1%} sure")
        for row in rows.tolist()
    ]
    pictures = tuple(
        Picture(example.content, f"Row {row}, {what}", f"{what}, {sure}")
        for row, (example, what, sure) in zip(rows.tolist(), told, strict=True)
        if example.name.endswith(".png")
    )
    others = tuple((_text(example), what, sure) for example, what, sure in told if not example.name.endswith(".png"))
    parts: Iterable[Part] = (
        *((Pictures(pictures),) if pictures else ()),
        *((Table(("row", "", ""), others),) if others else ()),
    )
    return Section("Most sure and wrong", tuple(parts))


def worst(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows that were answered wrongly, those first of which the model was surest."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:WORST]


def _text(example: Example) -> str:
    text = example.content.decode("utf-8", "replace").strip()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _row(confusion: np.ndarray, number: int, name: str) -> tuple[str, ...]:
    hits, rows, answered = _counts(confusion, number)
    precision, recall = Share(hits, answered), Share(hits, rows)
    if not rows:
        return (name, "0", *_told(precision), "-", "-", "-", "-")
    interval = f1_interval(hits, rows + answered - 2 * hits)
    return (name, f"{rows:,}", *_told(precision), *_told(recall), f"{_f1(confusion, number):.1%}", str(interval))


def _told(share: Share) -> tuple[str, str]:
    return (str(share), str(share.interval)) if share.of else ("-", "-")


def _f1(confusion: np.ndarray, number: int) -> float:
    hits, rows, answered = _counts(confusion, number)
    return 2 * hits / (rows + answered) if rows + answered else 0.0


def _counts(confusion: np.ndarray, number: int) -> tuple[int, int, int]:
    """Of a class: rows that were found, its rows, and rows that were taken for it."""
    return int(confusion[number, number]), int(confusion[number].sum()), int(confusion[:, number].sum())

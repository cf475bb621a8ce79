"""Whether a model does as well for each group of rows as for the others.

Rule: of groups with few rows nothing is said, and of a gap always how far chance alone could explain it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from training.report.intervals import Interval, Share, gap
from training.report.section import Section, Table, Text

FEWEST = 30  # rows of a group that something is said of
_NUMBER = re.compile(r"(below )?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?: to below .*| and above)?")
_MISSING = "missing"
_TOLD_CLASSES = 2  # if there are so many, shares of each are told


@dataclass(frozen=True, slots=True)
class Gap:
    """Between the two groups that are furthest apart in a measure, the better one first."""

    measure: str
    more: str
    less: str
    difference: float
    interval: Interval

    @property
    def could_be_chance(self) -> bool:
        return self.interval.low <= 0


def measures(answers: np.ndarray, truths: np.ndarray, labels: Sequence[str]) -> dict[str, Share]:
    """Shares of rows: how many answers are right, and where there are two classes, how often each is found where it is
    the truth, and how often the second is the answer."""
    right = answers == truths
    found = {"right answers": Share(int(right.sum()), len(right))}
    if len(labels) != _TOLD_CLASSES:
        return found
    for number, label in enumerate(labels):
        is_class = truths == number
        found[f"{label} found"] = Share(int(right[is_class].sum()), int(is_class.sum()))
    found[f"answered {labels[-1]}"] = Share(int((answers == len(labels) - 1).sum()), len(answers))
    return found


def largest_gaps(groups: Mapping[str, Mapping[str, Share]]) -> list[Gap]:
    """Of each measure, among groups that have rows enough for it; none where there are not two."""
    names = list(next(iter(groups.values()), {}))
    found = []
    for measure in names:
        enough = {group: shares[measure] for group, shares in groups.items() if shares[measure].of >= FEWEST}
        pairs = [sorted(pair, key=lambda group: -enough[group].value) for pair in combinations(enough, 2)]
        if pairs:
            more, less = max(pairs, key=lambda pair: enough[pair[0]].value - enough[pair[1]].value)
            one, other = enough[more], enough[less]
            found.append(Gap(measure, more, less, one.value - other.value, gap(one, other)))
    return found


def in_order(groups: Iterable[str]) -> list[str]:
    """Numbers, and ranges of them, by size; others as texts. Rows without a value come last."""
    ordered = sorted(groups, key=lambda group: (group == _MISSING, group))
    found = {group: _NUMBER.fullmatch(group) for group in ordered if group != _MISSING}
    sizes = {group: (float(it[2]), not it[1]) for group, it in found.items() if it}
    return [*sorted(sizes, key=sizes.__getitem__), *ordered[len(found) :]] if len(sizes) == len(found) else ordered


def section(
    groups: Mapping[str, Sequence[str]], answers: np.ndarray, truths: np.ndarray, labels: Sequence[str]
) -> Section:
    """`groups`, by column, tell each row's."""
    if not groups:
        told = Text("No column of groups was given, so that nothing is known of gaps among them.")
        return Section("Groups", (told,), in_card=True)
    parts = [part for column, of_rows in groups.items() for part in _column(column, of_rows, answers, truths, labels)]
    return Section("Groups", tuple(parts), in_card=True)


def _column(
    column: str, of_rows: Sequence[str], answers: np.ndarray, truths: np.ndarray, labels: Sequence[str]
) -> Iterable[Table | Text]:
    each = np.array(of_rows)
    found = {group: measures(answers[each == group], truths[each == group], labels) for group in in_order(set(of_rows))}
    names = list(next(iter(found.values())))
    yield Table(
        (column, "rows", *(name for measure in names for name in (measure, "95 %"))),
        tuple(
            (group, str(int((each == group).sum())), *(cell for name in names for cell in _cells(shares[name])))
            for group, shares in found.items()
        ),
        f"By {column}; where a share is of fewer than {FEWEST} rows, they are too few to say.",
    )
    gaps = largest_gaps(found)
    if not gaps:
        yield Text(f"Fewer than two groups of {column} have {FEWEST} rows: nothing can be said of gaps.")
        return
    yield Table(
        ("largest gap in", "more", "less", "gap", "95 %", ""),
        tuple(
            (
                it.measure,
                it.more,
                it.less,
                f"{it.difference:.1%}",
                str(it.interval),
                "could be chance" if it.could_be_chance else "more than chance explains",
            )
            for it in gaps
        ),
        "The interval is that of these two groups; of many groups, some pair is far apart by chance.",
    )


def _cells(share: Share) -> tuple[str, str]:
    if share.of >= FEWEST:
        return str(share), str(share.interval)
    return "too few", "1 row" if share.of == 1 else f"{share.of} rows"

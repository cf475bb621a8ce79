"""What a person should know before they use a model: what it is, how well it does, what it is for, and its limits.

Rule: nothing is said that the training doesn't know; what was not looked at is said to be so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from serving.core.requests import TensorSpec
from training.checkpoint import Checkpoint
from training.data.card import Card
from training.kind import Served
from training.report.intervals import Interval, too_few
from training.report.section import Section, Table, Text
from training.settings import Value
from training.task import LESS_IS_BETTER

FEW = 30  # rows of a class that little can be said of
_FEW_ROWS = 300
_UNEQUAL = 10  # times as many rows of one class as of another
_TEST, _VALIDATION = "test_", "validation_"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that was trained; `rows` were held out, and `intervals` are of what was measured on them."""

    summary: str
    checkpoint: Checkpoint
    served: Served
    card: Card
    rows: int
    intervals: Mapping[str, Interval]
    environment: Mapping[str, Any]
    options: Mapping[str, Value] = field(default_factory=dict)
    """By which the data were read."""


def lead(subject: Subject) -> str:
    """The number that counts most."""
    name, value = next(iter(_measured(subject, _TEST).items()))
    interval = subject.intervals.get(name)
    within = "" if interval is None else f" (95 %: {interval.low:.3g} to {interval.high:.3g})"
    words = _words(name)
    title = words.capitalize() if words == words.lower() else words
    return f"{title} {value:.4g}{within} on {subject.rows:,} test rows."


def model(subject: Subject) -> Section:
    checkpoint, served = subject.checkpoint, subject.served
    parameters = sum(parameter.numel() for parameter in served.module.parameters())
    inputs, outputs = served.asked or served.inputs, served.told or served.outputs
    return Section(
        "Model",
        (
            Text(f"Recipe {checkpoint.recipe}: {subject.summary}. A client sends {served.meaning}."),
            Table(
                ("tensor", "", "type", "shape", "names"),
                (
                    *(_tensor("input", spec, ()) for spec in inputs),
                    *(_tensor("output", spec, served.labels.get(spec.name, ())) for spec in outputs),
                ),
                "-1 is any size; the first dimension is that of the batch.",
            ),
            Table(
                ("", "value"),
                (
                    ("trained", checkpoint.created),
                    ("weights", f"{parameters:,} numbers, those after step {checkpoint.metrics['step']:,.0f}"),
                    ("SHA-256 of the weights", checkpoint.weights_sha256),
                    ("SHA-256 of the data", checkpoint.data_fingerprint),
                ),
            ),
        ),
    )


def scores(subject: Subject) -> Section:
    validation = _measured(subject, _VALIDATION)
    rows = tuple(
        (_words(name), f"{value:.4g}", _interval(subject.intervals.get(name)), _number(validation.get(name)))
        for name, value in _measured(subject, _TEST).items()
    )
    caption = (
        f"On {subject.rows:,} test rows, which decided nothing; validation rows decided which weights were kept. "
        "Intervals are those of test rows drawn anew, with repetition; - is where they can't tell."
    )
    return Section("How well it does", (Table(("measure", "test", "95 %", "validation"), rows, caption),))


def limits(subject: Subject) -> Section:
    return Section("Use and limits", tuple(map(Text, _limits(subject))))


def training(subject: Subject) -> Section:
    checkpoint = subject.checkpoint
    of_model = {f"model.{name}": value for name, value in checkpoint.hyperparameters.items()}
    of_data = {f"data.{name}": value for name, value in subject.options.items()}
    settings = {**asdict(checkpoint.config), **of_model, **of_data}
    libraries = {f"library {name}": version for name, version in checkpoint.library_versions.items()}
    around = {name: value for name, value in subject.environment.items() if name != "libraries"}
    return Section(
        "How it was trained",
        (_pairs("parameter", settings), _pairs("environment", {**around, **libraries})),
    )


def _limits(subject: Subject) -> Iterable[str]:
    card = subject.card
    yield f"It is for data such as it was trained on: {card.published_source}."
    yield (
        "The rows that were held out come from there too. How it does on data from elsewhere, or from another time, "
        "was not measured: measure it before you rely on it."
    )
    if subject.rows < _FEW_ROWS:
        yield f"Only {subject.rows} rows were held out, so that all numbers here are rough."
    name, value = next(iter(_measured(subject, _TEST).items()))
    if name not in LESS_IS_BETTER and (words := too_few(value, subject.rows)):
        yield f"{words[0].upper()}{words[1:]}."
    rare = [label for label, rows in card.classes.get("test", {}).items() if rows < FEW]
    if rare:
        yield f"Of these classes fewer than {FEW} rows were held out, too few to say how it does on them: {_few(rare)}."
    trained = [rows for rows in card.classes.get("train", {}).values() if rows]
    if trained and max(trained) >= _UNEQUAL * min(trained):
        yield (
            f"Its classes are unequal, {max(trained):,} rows of the most frequent and {min(trained):,} of the rarest "
            "to train on: look at each class by itself."
        )
    if any(len(subject.served.labels.get(spec.name, ())) == spec.shape[-1] for spec in subject.served.outputs):
        yield "It always answers with what it knows: it can't say that something is none of these."
    yield from subject.served.limits
    yield "It was not tested with inputs that are made to deceive it."
    yield "Where its answers matter to people, let a person who can overrule it look at them."


def _measured(subject: Subject, prefix: str) -> dict[str, float]:
    metrics = subject.checkpoint.metrics
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


def _tensor(side: str, spec: TensorSpec, labels: tuple[str, ...]) -> tuple[str, ...]:
    return spec.name, side, spec.datatype, ", ".join(map(str, spec.shape)), _few(labels)


def _pairs(name: str, values: Mapping[str, Any]) -> Table:
    return Table((name, "value"), tuple((key, str(value)) for key, value in values.items()))


def _few(names: Iterable[str], most: int = 12) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.4g} to {interval.high:.4g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _words(name: str) -> str:
    return name.replace("_", " ")

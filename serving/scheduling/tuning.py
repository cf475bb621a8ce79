"""How many instances of how many threads a model on the CPU should have: what to measure, and what to make of it.

Rule: times are arguments, so that every choice can be tested without a clock; and what nobody measured is not chosen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

from serving.core.instance_groups import MAX_INSTANCES

_ALIKE = 1.05
"""Rates whose ratio is smaller are the same: a measurement is not better than that."""

_NEARLY, _SOONER = 0.8, 0.75
"""A setting with so much of the highest rate, whose batches are over in so much of the time, and lone rows no later, is
better: it puts fewer batches together, and whoever waits for one waits less (docs/experiments.md)."""

_PASSES = 3
"""Times that everything should be measured at least."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`threads` are those of each instance."""

    instances: int
    threads: int

    def __str__(self) -> str:
        return f"{_counted(self.instances, 'instance')} x {_counted(self.threads, 'thread')}"

    @property
    def brief(self) -> str:
        return f"{self.instances} x {self.threads}"

    @property
    def cores(self) -> int:
        return self.instances * self.threads


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the cores that there are, what the config fixes (0: open), and its latency objective in seconds
    (0: none). `config` stands for what else of the config changes how fast the model is."""

    cores: int
    instances: int = 0
    threads: int = 0
    max_batch_size: int = 0
    objective: float = 0.0
    config: str = ""

    @property
    def longest_batch(self) -> float:
        """Seconds that a batch may take: a request that just missed one waits for it, and then for its own."""
        return self.objective / 2 or inf


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` are those of a batch of so many `rows` while all instances run one."""

    setting: Setting
    rows: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second, of all instances together."""
        return self.setting.instances * self.rows / self.seconds


@dataclass(frozen=True, slots=True)
class Tuning:
    """The answer to a question. `peaks` are the settings that were measured, each at its best batch, the chosen one
    first; `profile` is (rows, seconds) of the chosen one's batches. Where no batch is quick enough for the objective,
    `is_within` is false and the quickest was chosen."""

    question: Question
    peaks: tuple[Measured, ...]
    profile: tuple[tuple[int, float], ...]
    is_within: bool = True

    @property
    def setting(self) -> Setting:
        return self.peaks[0].setting

    @property
    def enough_rows(self) -> int:
        """From this batch on more rows bring less than 5 % more throughput."""
        peak = self.peaks[0]
        rates = {rows: Measured(peak.setting, rows, seconds).rate for rows, seconds in self.profile}
        return min(rows for rows, rate in rates.items() if rate * _ALIKE >= peak.rate)

    def __str__(self) -> str:
        best, *others = self.peaks
        rates = (f"{best.rate:,.0f} rows/s at {best.rows}", *(f"{it.setting.brief}: {it.rate:,.0f}" for it in others))
        missed = "" if self.is_within else "; no batch takes less than half of latency_objective_ms"
        return f"{best.setting} ({'; '.join(rates)}{missed})"


def candidates(question: Question) -> tuple[Setting, ...]:
    """The settings to measure, in this order: all cores divided in every way, then fewer of them."""
    cores, instances, threads = question.cores, question.instances, question.threads
    if instances and threads:
        return (Setting(instances, threads),)
    if instances:
        return tuple(Setting(instances, count) for count in _doubled(cores))
    if threads:
        return tuple(Setting(count, threads) for count in reversed(_doubled(min(cores // threads, MAX_INSTANCES))))
    whole = [Setting(min(cores // count, MAX_INSTANCES), count) for count in _doubled(cores)]
    fewer = [count for count in reversed(_doubled(cores)) if count < min(cores, MAX_INSTANCES)]
    parts = [setting for count in fewer for setting in (Setting(count, 1), Setting(1, count))]
    return tuple(dict.fromkeys([*whole, *parts]))


def batch_sizes(max_batch_size: int, factor: int) -> tuple[int, ...]:
    """1, `factor`, its square and so on, and the largest; only 1 for a model without batches."""
    sizes, size = [1], factor
    while size < max_batch_size:
        sizes.append(size)
        size *= factor
    return (*sizes, max_batch_size) if max_batch_size > 1 else (1,)


def affordable(sizes: Sequence[int], row_seconds: float, settings: int, budget: float) -> tuple[int, ...]:
    """The first of the batch `sizes` that so many settings can be measured at in `budget` seconds, if a row takes
    `row_seconds`; none where not even one row can."""
    chosen: list[int] = []
    for size in sizes:
        if _PASSES * settings * row_seconds * (sum(chosen) + size) > budget:
            break
        chosen.append(size)
    return tuple(chosen)


def is_settled(passes: int, before: Collection[Measured], now: Collection[Measured]) -> bool:
    """Whether another pass over everything is in vain, since the last one changed little."""
    known = {(it.setting, it.rows): it.seconds for it in before}
    ratios = [known.get((it.setting, it.rows), inf) / it.seconds for it in now]
    return passes > _PASSES and all(1 / _ALIKE < ratio < _ALIKE for ratio in ratios)


def choose(question: Question, measured: Collection[Measured], disturbed: float = 0.0) -> Tuning:
    """Of at least one measurement the setting with the highest rate, among equals the one that takes fewer cores, and
    then the one with fewer threads, which have nobody to wait for; or one with nearly that rate whose batches are over
    much sooner.

    `disturbed` is the share of the time in which threads had no core. That makes several threads look slower than they
    are, by nobody knows how much; so where the config fixes the instances, as many threads as may be better are taken,
    which the runtime would have had without a measurement.
    """
    within = [it for it in measured if it.seconds <= question.longest_batch]
    peaks = _peaks(within or [min(measured, key=lambda it: it.seconds)])
    equals = [it for it in peaks if it.rate * _ALIKE >= peaks[0].rate]
    chosen = _sooner(min(equals, key=lambda it: (it.setting.cores, it.setting.threads)), peaks, measured)
    if question.instances:
        in_doubt = [it for it in peaks if it.rate > peaks[0].rate * (1 - disturbed) * _ALIKE]
        chosen = max([chosen, *in_doubt], key=lambda it: it.setting.threads)
    profile = sorted((it.rows, it.seconds) for it in measured if it.setting == chosen.setting)
    others = (it for it in peaks if it is not chosen)
    return Tuning(question, (chosen, *others), tuple(profile), is_within=bool(within))


def _sooner(chosen: Measured, peaks: Sequence[Measured], measured: Collection[Measured]) -> Measured:
    """Another one with nearly as high a rate, if its batches are over much sooner than the chosen one's, and rows no
    later."""
    seconds = {(it.setting, it.rows): it.seconds for it in measured}

    def takes(setting: Setting, rows: int) -> float:
        """In what it takes the chosen one."""
        return seconds.get((setting, rows), inf) / seconds.get((chosen.setting, rows), 1e-9)

    nearly = [it for it in peaks if it.rate >= _NEARLY * peaks[0].rate and takes(it.setting, 1) <= 1]
    soonest = min(nearly, key=lambda it: takes(it.setting, chosen.rows), default=chosen)
    return soonest if takes(soonest.setting, chosen.rows) <= _SOONER else chosen


def _peaks(measured: Collection[Measured]) -> list[Measured]:
    """Each setting at its best batch, the highest rate first."""
    best: dict[Setting, Measured] = {}
    for it in sorted(measured, key=lambda it: it.rate, reverse=True):
        best.setdefault(it.setting, it)
    return list(best.values())


def _doubled(highest: int) -> list[int]:
    """1, 2, 4 and so on, and the highest, which is at least 1."""
    counts = [2**power for power in range(max(1, highest).bit_length())]
    return sorted({*counts, max(1, highest)})


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

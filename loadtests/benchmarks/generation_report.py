"""What those who write did side by side, as tables for people and figures for programs.

Rule: a ratio is of two measurements of the same round; durations are of all answers of all rounds.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from loadtests.benchmarks.arrivals import MAX_SLIP
from loadtests.benchmarks.generation_limit import Limit
from loadtests.benchmarks.generation_load import Answer, Found, slip
from loadtests.benchmarks.report import Figures, show, spread, table

Turns = dict[tuple[str, str], list[Found]]
"""By a load's title and who was measured, what each round found."""


def show_all(turns: Turns, reference: str, limits: Mapping[str, Limit]) -> None:
    for title in dict.fromkeys(title for title, _ in turns):
        columns = (
            "tokens/s",
            f"it / {reference}",
            "TTFT p50 ms",
            "p99",
            "ITL p50",
            "p99",
            "TPOT p50",
            "E2E p50",
            "CPU us a token",
        )
        rows = [row(name, found, turns, title, reference) for (of, name), found in turns.items() if of == title]
        bounds = limit_rows(limits[title], turns.get((title, reference), [])) if title in limits else []
        table((title, *columns), *rows, *((*bound, *[""] * (len(columns) - 2)) for bound in bounds))
        print()


def row(name: str, found: Sequence[Found], turns: Turns, title: str, reference: str) -> tuple[str, ...]:
    failed = sum(bool(answer.error) for it in found for answer in it.answers)
    times = durations(found)
    shown = ("ttft_p50_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p99_ms", "tpot_p50_ms", "e2e_p50_ms")
    return (
        f"{name} ({failed} failed)" if failed else name,
        show(spread([tokens_per_s(it) for it in found])),
        show(ratios(found, turns.get((title, reference), [])), 3),
        *(f"{times[key]:.1f}" for key in shown),
        show(spread([cpu_us(it) for it in found])),
    )


def limit_rows(limit: Limit, reference: Sequence[Found]) -> list[tuple[str, str, str]]:
    measured = spread([tokens_per_s(it) for it in reference] or [0.0])["median"]
    rates = {"memory": limit.memory, "read again and again": limit.again, "arithmetic": limit.arithmetic}
    return [(f"limit: {name}", f"{it:.0f}", f"{it / max(measured, 1e-9):.3f}") for name, it in rates.items() if it]


def tokens_per_s(found: Found) -> float:
    return sum(answer.tokens for answer in found.answers) / found.seconds


def cpu_us(found: Found) -> float:
    """Of the processor for each token."""
    return found.cpu_seconds / max(1, sum(answer.tokens for answer in found.answers)) * 1e6


def ratios(found: Sequence[Found], reference: Sequence[Found]) -> Figures:
    """Of tokens a second."""
    pairs = zip(found, reference, strict=False)  # one that failed has fewer
    return spread([tokens_per_s(it) / max(tokens_per_s(other), 1e-9) for it, other in pairs] or [0.0])


def durations(found: Sequence[Found]) -> Figures:
    """Percentiles in milliseconds; 0 where there are no answers."""
    answers = [answer for it in found for answer in it.answers if not answer.error]
    values: Mapping[str, list[float]] = {
        "ttft": [answer.first for answer in answers],
        "itl": [gap for answer in answers for gap in answer.gaps],
        "tpot": [answer.each_token for answer in answers],
        "e2e": [answer.whole for answer in answers],
    }
    return {
        f"{name}_p{percentile}_ms": round(float(np.percentile(of, percentile)) * 1e3, 3) if of else 0.0
        for name, of in values.items()
        for percentile in (50, 99)
    }


def figures(turns: Turns, reference: str) -> dict[str, dict[str, object]]:
    """By title and name."""
    report: dict[str, dict[str, object]] = {}
    for (title, name), found in turns.items():
        late = max(slip(it.answers) for it in found)
        report.setdefault(title, {})[name] = {
            "tokens_per_s": spread([tokens_per_s(it) for it in found]),
            "requests_per_s": spread([len(it.answers) / it.seconds for it in found]),
            "ratio": ratios(found, turns.get((title, reference), [])),
            **durations(found),
            "cpu_us_a_token": spread([cpu_us(it) for it in found]),
            "failed": sum(bool(answer.error) for it in found for answer in it.answers),
            "latest_ms": round(late * 1e3, 3),
            "valid": late <= MAX_SLIP,
        }
    return report


def differences(name: str, answers: Sequence[Answer], expected: Sequence[tuple[int, ...]], texts: Sequence[str]) -> str:
    """What is wrong with answers that should have these tokens, or these texts where they don't tell their tokens; ""
    if nothing is. Half a character at the end is shown by some only."""
    for number, (answer, ids, text) in enumerate(zip(answers, expected, texts, strict=True)):
        if answer.error:
            return f"{name} failed: {answer.error}"
        if answer.tokens != len(ids):
            return f"{name} counts {answer.tokens} tokens for prompt {number}, {len(ids)} were asked for"
        found, wanted = (answer.ids, ids) if answer.ids else (_whole(answer.text), _whole(text))
        if found != wanted:
            pairs = enumerate(zip(found, wanted, strict=False))
            at = next((at for at, (one, other) in pairs if one != other), min(len(found), len(wanted)))
            return (
                f"{name} writes otherwise for prompt {number} from {at} on: {found[at:][:20]!r}, not "
                f"{wanted[at:][:20]!r}"
            )
    return ""


def _whole(text: str) -> str:
    return text.rstrip("\N{REPLACEMENT CHARACTER}")

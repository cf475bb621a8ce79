import pytest

from loadtests.benchmarks.generation_limit import Limit
from loadtests.benchmarks.generation_load import Answer, Found
from loadtests.benchmarks.generation_report import (
    cpu_us,
    differences,
    durations,
    figures,
    ratios,
    show_all,
    tokens_per_s,
)


def answer(sent: float = 0.0, ids: tuple[int, ...] = (5, 6, 7)) -> Answer:
    return Answer(0.0, sent, (0.1, 0.2, 0.4), 3, ids=ids)


FAILED = Answer(0.0, 0.0, error="it broke")


def found(seconds: float, *more: Answer) -> Found:
    return Found([answer(), answer(), *more], seconds, 0.003)


def test_what_failed_wrote_nothing_and_has_no_durations() -> None:
    assert tokens_per_s(found(2.0, FAILED)) == 3.0
    assert cpu_us(found(2.0, FAILED)) == pytest.approx(500)
    times = durations([found(2.0, FAILED)])
    assert (times["ttft_p50_ms"], times["itl_p50_ms"]) == (100, 150)
    assert (times["tpot_p99_ms"], times["e2e_p99_ms"]) == (150, 400)
    assert set(durations([Found([FAILED], 1.0, 0.0)]).values()) == {0.0}


def test_a_ratio_is_of_the_same_round() -> None:
    assert ratios([found(1.0), found(4.0)], [found(2.0), found(2.0)]) == {"median": 1.25, "min": 0.5, "max": 2}
    assert ratios([found(1.0)], [])["median"] == 0


def test_figures_say_who_failed_and_who_left_too_late(capsys: pytest.CaptureFixture[str]) -> None:
    late = Found([answer(sent=0.05)], 1.0, 0.0)
    turns = {("a", "slipway"): [found(1.0)], ("a", "peer"): [found(2.0, FAILED)], ("b", "slipway"): [late]}
    report = figures(turns, "slipway")
    assert report["a"]["peer"]["failed"] == 1
    assert report["a"]["peer"]["ratio"]["median"] == 0.5
    assert report["a"]["slipway"]["valid"]
    assert not report["b"]["slipway"]["valid"]
    show_all(turns, "slipway", {"a": Limit(1, memory=12.0, again=60.0, arithmetic=600.0)})
    lines = capsys.readouterr().out.splitlines()
    assert "peer (1 failed)" in lines[2]
    assert len([line for line in lines if "tokens/s" in line]) == 2
    assert [line.split() for line in lines if "limit" in line] == [
        ["limit:", "memory", "12", "2.000"],
        ["limit:", "read", "again", "and", "again", "60", "10.000"],
        ["limit:", "arithmetic", "600", "100.000"],
    ]


def test_only_the_same_tokens_are_the_same() -> None:
    expected, texts = [(5, 6, 7)], ["a text"]
    assert differences("peer", [answer()], expected, texts) == ""
    assert differences("peer", [answer(ids=(5, 6, 8))], expected, texts).endswith("from 2 on: (8,), not (7,)")
    assert "it broke" in differences("peer", [FAILED], expected, texts)
    assert "counts 3 tokens" in differences("peer", [answer()], [(5, 6)], texts)


def test_who_tells_no_tokens_is_compared_by_text_without_half_a_character_at_its_end() -> None:
    def told(text: str) -> str:
        return differences(
            "peer", [Answer(0.0, 0.0, (0.1,), 3, text)], [(5, 6, 7)], ["a text\N{REPLACEMENT CHARACTER}"]
        )

    assert told("a text") == ""
    assert told("a test").endswith("from 4 on: 'st', not 'xt'")
    assert "from 5 on: '', not 't'" in told("a tex")

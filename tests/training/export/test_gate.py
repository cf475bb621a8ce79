import pytest

from training.errors import InvalidConfig
from training.export.gate import CANDIDATES, FLOAT32, PUBLISHED, Gate, Variant, judged, wanted_gate

GATE = Gate(("int8-dynamic", "fp16"), max_loss=0.01, min_speedup=1.2)
PLAIN = Variant(FLOAT32, score=0.9)


def _verdicts(*variants: Variant, gate: Gate = GATE) -> list[str]:
    return [variant.verdict for variant in judged([PLAIN, *variants], gate)]


def test_the_fastest_that_is_good_enough_is_published() -> None:
    quick, quicker = Variant("fp16", speedup=1.5), Variant("int8-dynamic", speedup=2.0, loss=0.01)

    assert _verdicts(quick, quicker) == ["another is better", "another is better", PUBLISHED]


def test_what_loses_too_much_or_is_too_slow_is_not() -> None:
    wrong, slow = Variant("int8-dynamic", speedup=9.0, loss=0.02), Variant("fp16", speedup=1.1)

    assert _verdicts(wrong, slow) == [PUBLISHED, "loses too much", "too slow"]


def test_a_score_that_is_no_number_passes_no_gate() -> None:
    assert _verdicts(Variant("fp16", speedup=9.0, loss=float("nan"))) == [PUBLISHED, "loses too much"]


def test_who_only_wants_a_small_file_may_allow_a_slower_one() -> None:
    assert _verdicts(Variant("fp16", speedup=0.9), gate=Gate(("fp16",), min_speedup=0.5))[1] == PUBLISHED


def test_what_could_not_be_made_keeps_its_reason() -> None:
    assert _verdicts(Variant("fp16", verdict="can't be made: no such thing")) == [
        PUBLISHED,
        "can't be made: no such thing",
    ]


def test_names_are_separated_by_commas_or_all() -> None:
    assert wanted_gate(None, 0.01, 1.1) is None
    assert wanted_gate("fp16, pruned", 0.0, 2.0) == Gate(("fp16", "pruned"), 0.0, 2.0)
    everything = wanted_gate("all", 0.01, 1.1)
    assert everything is not None
    assert everything.candidates == CANDIDATES


@pytest.mark.parametrize(
    ("names", "loss", "speed", "message"),
    [
        ("int4", 0.01, 1.1, "candidates must be one of int8-dynamic, .*, got 'int4'"),
        ("fp16", -1.0, 1.1, "max_loss must be from 0 to 1, got -1"),
        ("fp16", 0.01, 0.0, "min_speedup must be above 0, got 0"),
    ],
)
def test_what_can_not_be_meant_is_refused(names: str, loss: float, speed: float, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        wanted_gate(names, loss, speed)

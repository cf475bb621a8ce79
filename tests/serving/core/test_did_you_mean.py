import pytest

from serving.core.did_you_mean import did_you_mean, instead, nearest

KNOWN = ("max_batch_size", "backend", "input")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("maxBatchSize", "max_batch_size"), ("BACKEND", "backend"), ("inputs", "input"), ("zzz", ""), ("", "")],
)
def test_the_nearest_is_found_whatever_its_spelling(name: str, meant: str) -> None:
    assert nearest(name, KNOWN) == meant


def test_how_similar_it_must_be_can_be_said() -> None:
    assert nearest("put", KNOWN) == "input"
    assert nearest("put", KNOWN, similar=0.9) == ""


def test_an_error_ends_with_the_nearest_or_with_all() -> None:
    assert did_you_mean("backnd", KNOWN) == "; did you mean backend?"
    assert did_you_mean("zzz", KNOWN, "x.") == "; known are x.max_batch_size, x.backend, x.input"


def test_of_many_names_only_the_first_are_told() -> None:
    assert instead("inputs", KNOWN) == "; did you mean input?"
    assert instead("zzz", map(str, range(9))) == "; it has 0, 1, 2, 3, 4, ..."
    assert instead("zzz", []) == "; it has none"


def test_of_very_many_those_that_begin_or_end_alike_are_compared() -> None:
    many = [f"item {number:05}" for number in range(50_000)]
    assert nearest("ITEM 41710", many) == "item 41710"
    assert nearest("BACKENDS", [*many, "backend"]) == "backend"
    assert nearest("itm 41710", many) == "item 41710"
    assert nearest("backend", [*many, "zbackends"]) == ""

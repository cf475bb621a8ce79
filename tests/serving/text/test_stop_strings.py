from hypothesis import given
from hypothesis import strategies as st

from serving.text.stop_strings import StopStrings

FEW_LETTERS = st.text("ab🙂", max_size=30)
STOPS = st.lists(st.text("ab🙂", min_size=1, max_size=5), max_size=5)


def shown(stops: StopStrings, chunks: list[str]) -> str:
    out = ""
    for chunk in chunks:
        text, stopped = stops.add(chunk)
        out += text
        if stopped:
            return out
    return out + stops.end()


def expected(text: str, stops: list[str], include: bool) -> str:
    """One letter at a time, looked at as a whole."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[:end] if include else text[: end - max(map(len, found))]
    return text


@given(chunks=st.lists(FEW_LETTERS, max_size=6), stops=STOPS, include=st.booleans())
def test_however_the_text_comes_it_ends_before_the_first_stop(
    chunks: list[str], stops: list[str], include: bool
) -> None:
    assert shown(StopStrings(stops, include), chunks) == expected("".join(chunks), stops, include)


@given(text=FEW_LETTERS, stops=STOPS)
def test_only_what_may_become_a_stop_string_is_held_back(text: str, stops: list[str]) -> None:
    checked, out = StopStrings(stops), ""
    for position, letter in enumerate(text, 1):
        new, stopped = checked.add(letter)
        out += new
        if stopped:
            return
        held = text[len(out) : position]
        assert text[:position] == out + held
        assert not held or any(stop.startswith(held) for stop in stops)


def test_half_a_stop_string_is_held_until_it_is_none() -> None:
    stops = StopStrings(["</s>"])
    assert stops.add("so</") == ("so", False)
    assert stops.add("s") == ("", False)
    assert stops.add("x") == ("</sx", False)
    assert stops.add("</s") == ("", False)
    assert stops.end() == "</s"
    assert stops.matched is None


def test_the_stop_string_is_told_and_shown_to_who_asks() -> None:
    stops = StopStrings(["\n\n", "END"], include=True)
    assert stops.add("a EN") == ("a ", False)
    assert stops.add("D b") == ("END", True)
    assert stops.matched == "END"
    assert stops.add("more") == ("", True)
    assert stops.end() == ""


def test_of_two_that_end_together_the_longer_one_is_cut_off() -> None:
    stops = StopStrings(["b", "ab"])
    assert stops.add("xab") == ("x", True)
    assert stops.matched == "ab"


def test_without_stop_strings_everything_is_shown_at_once() -> None:
    assert StopStrings([]).add("anything") == ("anything", False)


def test_a_character_costs_the_same_with_many_stop_strings_that_begin_alike() -> None:
    """A hundred thousand characters against each of 2,000 strings, one after the other, would take minutes."""
    stops = StopStrings("a" * 50 + str(n) + "!" for n in range(2000))
    assert shown(stops, ["a" * 100] * 1000) == "a" * 100_000

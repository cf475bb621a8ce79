import pytest

from loadtests import request_terms
from loadtests.inputs.wanted import Span
from loadtests.terms import UnknownTerms


def test_shapes_and_values_are_of_inputs_by_name() -> None:
    assert request_terms.shapes(["image:3,224,224", "a:b:1"]) == {"image": (3, 224, 224), "a:b": (1,)}
    assert request_terms.values(["index:0..9", "one:1", "cold:-5..-1"]) == {
        "index": Span(0, 9),
        "one": Span(1, 1),
        "cold": Span(-5, -1),
    }


def test_lengths_are_a_number_or_any_between_two() -> None:
    assert request_terms.span("--max-tokens", "32..512") == Span(32, 512)
    assert request_terms.span("--max-tokens", "7") == Span(7, 7)
    assert request_terms.span("--max-tokens", None) is None


def test_members_of_bodies_are_json() -> None:
    assert request_terms.extra('{"temperature": 0}') == {"temperature": 0}
    assert request_terms.extra(None) == {}


@pytest.mark.parametrize("text", ["image", "image:", ":3", "image:a", "image:-1", "image:3,,4"])
def test_what_is_no_shape_is_told_with_an_example(text: str) -> None:
    with pytest.raises(UnknownTerms, match="as in image:3,224,224"):
        request_terms.shapes([text])


@pytest.mark.parametrize("text", ["index", "index:a", "index:9..0", "index:..", f"index:{2**40}"])
def test_what_are_no_values_is_told_with_an_example(text: str) -> None:
    with pytest.raises(UnknownTerms, match=r"as in index:0\.\.9"):
        request_terms.values([text])


@pytest.mark.parametrize("text", ["0", "-1", "many", "9..1", ""])
def test_what_is_no_length_is_told_with_its_option(text: str) -> None:
    with pytest.raises(UnknownTerms, match=r"--max-tokens is how many, as in 128, or 32\.\.512"):
        request_terms.span("--max-tokens", text)


@pytest.mark.parametrize("text", ["[1]", "{", "7"])
def test_what_is_no_object_is_told_with_an_example(text: str) -> None:
    with pytest.raises(UnknownTerms, match="--extra is a JSON object"):
        request_terms.extra(text)

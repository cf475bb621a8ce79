import pytest

from serving.access.restricted import InvalidRestriction, of_grpc, of_http, unmet
from serving.access.scope import Category


def test_a_group_wants_its_header_and_others_do_not() -> None:
    groups = of_http(["model-repository,logging:admin-key=secret=1", "inference:Infer=x"])
    headers = {"infer": "x"}
    lacking = unmet(groups, frozenset([Category.LOGGING]), lambda name: headers.get(name, ""))
    assert lacking is not None
    assert (lacking.header, lacking.value) == ("admin-key", b"secret=1")
    assert unmet(groups, frozenset([Category.INFERENCE]), lambda name: headers.get(name, "")) is None


def test_tritons_words_say_which_header() -> None:
    [http] = of_http(["health:Key=v"])
    [grpc] = of_grpc(["health:Key=v"])
    assert unmet([http], frozenset([Category.HEALTH]), lambda _: "w") is http
    assert unmet([http], frozenset([Category.HEALTH]), lambda _: "v") is None
    assert unmet([http], frozenset([Category.INFERENCE]), lambda _: "") is None
    assert http.refusal == "This API is restricted, expecting header 'key'"
    assert grpc.refusal == "This protocol is restricted, expecting header 'triton-grpc-protocol-key'"


def test_a_secret_is_not_in_what_is_printed() -> None:
    assert "hush" not in repr(of_http(["health:key=hush"]))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["health"], "expected CATEGORY"),
        (["health:key"], "expected CATEGORY"),
        (["health:=v"], "expected CATEGORY"),
        (["health:key="], "expected CATEGORY"),
        ([":key=v"], "expected CATEGORY"),
        (["infrence:key=v"], r"there is no category 'infrence'; did you mean inference\?"),
        (["health,trace:a=1", "trace:b=2"], "'trace' is in two groups"),
    ],
)
def test_what_is_wrong_is_told(options: list[str], why: str) -> None:
    with pytest.raises(InvalidRestriction, match=why):
        of_http(options)

import pytest

from serving.errors import InvalidInput
from serving.transports.http.prompt_tokens import check


def test_tokens_that_the_model_knows_are_right() -> None:
    check((0, 299), 300, "prompt")


@pytest.mark.parametrize(("tokens", "words"), [((), "at least one token"), ((5, 300), "from 0 to 299.*got 300")])
def test_others_are_told(tokens: tuple[int, ...], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        check(tokens, 300, "prompt")
    assert (refused.value.param, refused.value.code) == ("prompt", "invalid_value")

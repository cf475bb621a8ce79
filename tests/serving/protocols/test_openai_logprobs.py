import math

from openai.types.chat.chat_completion import ChoiceLogprobs
from openai.types.completion_choice import Logprobs

from serving.core.text_output import TokenLogprob, TopLogprob
from serving.protocols import openai_logprobs

BIRD = "🦜".encode()
TOKENS = (
    TokenLogprob(" hi", -0.5, b" hi", (TopLogprob(" hi", -0.5, b" hi"), TopLogprob(" ho", -1.5, b" ho"))),
    TokenLogprob(r"bytes:\xf0\x9f", -2.0, BIRD[:2], (TopLogprob("x", -0.1, b"x"),)),
    TokenLogprob(r"bytes:\xa6\x9c", -math.inf, BIRD[2:]),
    TokenLogprob("!", math.nan, b"!"),
)


def test_a_completions_form() -> None:
    found = openai_logprobs.of_completion(TOKENS, 10)
    assert found == {
        "text_offset": [10, 13, 14, 14],
        "tokens": [" hi", r"bytes:\xf0\x9f", r"bytes:\xa6\x9c", "!"],
        "token_logprobs": [-0.5, -2.0, -9999.0, -9999.0],
        "top_logprobs": [
            {" hi": -0.5, " ho": -1.5},
            {r"bytes:\xf0\x9f": -2.0, "x": -0.1},
            {r"bytes:\xa6\x9c": -9999.0},
            {"!": -9999.0},
        ],
    }
    assert Logprobs.model_validate(found)


def test_a_chats_form() -> None:
    found = openai_logprobs.of_chat(TOKENS)
    assert found["content"][1] == {
        "token": r"bytes:\xf0\x9f",
        "logprob": -2.0,
        "bytes": [0xF0, 0x9F],
        "top_logprobs": [{"token": "x", "logprob": -0.1, "bytes": [120]}],
    }
    assert b"".join(bytes(token["bytes"]) for token in found["content"]) == " hi🦜!".encode()
    assert ChoiceLogprobs.model_validate(found)


def test_a_character_counts_with_its_first_byte() -> None:
    assert [openai_logprobs.characters(raw) for raw in (b"ab", BIRD, BIRD[:1], BIRD[1:], b"")] == [2, 1, 1, 0, 0]

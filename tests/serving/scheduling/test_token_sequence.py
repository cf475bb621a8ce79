import pytest

from serving.core.generation import FinishReason
from serving.scheduling.token_sequence import PACKED, Sequence, packed


def test_packed_tokens_are_compared_as_bytes() -> None:
    tokens = [0, 255, 256, 2**31 - 1]

    assert packed(tokens)[: 2 * PACKED] == packed(tokens[:2])
    assert len(packed(tokens)) == len(tokens) * PACKED


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ([5], None),
        ([5, 9], FinishReason.STOP),
        ([9], None),  # `min_tokens` is one
        ([5, 5, 5], FinishReason.LENGTH),
        ([5, 5, 9], FinishReason.STOP),  # both; the caller has the whole answer
    ],
)
def test_it_ends_with_a_stop_token_or_with_the_last_that_was_asked_for(
    written: list[int], reason: FinishReason | None
) -> None:
    sequence = Sequence([9, 9], 3, min_tokens=1, stop_token_ids={9})
    sequence.tokens += written

    assert sequence.written == len(written)
    assert sequence.reason_to_end(100) is reason


def test_it_ends_with_its_row() -> None:
    sequence = Sequence([1, 2], 100)
    sequence.tokens += [3, 4]

    assert sequence.reason_to_end(5) is None
    assert sequence.reason_to_end(4) is FinishReason.LENGTH

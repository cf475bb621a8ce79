import numpy as np
import torch

from training.data.card import Card
from training.speech.utterances import Speech, Utterance, Utterances, sixteen_bits

ROWS = [Utterance(np.array([100, -200, 300], np.int16), "one"), Utterance(np.array([-32768], np.int16), "two")]


def test_rows_are_filled_up_behind_their_ends() -> None:
    audio, lengths = Utterances.of(ROWS).filled(torch.tensor([1, 0]))
    assert (audio * 2**15).tolist() == [[-32768, 0, 0], [100, -200, 300]]
    assert lengths.tolist() == [[1], [3]]


def test_rows_within_a_size_are_evenly_spread() -> None:
    rows = Utterances.of([Utterance(np.ones(length, np.int16), "one") for length in (1, 2, 5, 3, 1, 1, 1)])
    assert rows.within(7 * 20).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert rows.within(3 * 20 + 19).tolist() == [0, 2, 4]
    assert rows.within(0).tolist() == [0]


def test_sixteen_bits_are_rounded_and_cut() -> None:
    assert sixteen_bits(np.array([0.0, 1.5, -1.5, 2.6 / 2**15])).tolist() == [0, 32767, -32768, 3]


def test_a_fingerprint_is_of_samples_texts_and_facts() -> None:
    def fingerprint(rows: list[Utterance], rate: int = 8000) -> str:
        split, card = Utterances.of(rows), Card("test", 2, {}, {})
        return Speech(split, split, split, {"sample_rate": rate}, card).fingerprint()

    same = fingerprint(ROWS)
    assert fingerprint(list(ROWS)) == same
    others = [
        fingerprint(ROWS[::-1]),
        fingerprint([ROWS[0], Utterance(ROWS[1].samples, "three")]),
        fingerprint([ROWS[0], Utterance(ROWS[1].samples + np.int16(1), "two")]),
        fingerprint(ROWS, 16000),
    ]
    assert len({same, *others}) == 5

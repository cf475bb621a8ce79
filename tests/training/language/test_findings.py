import numpy as np
import torch
from tokenizers import Tokenizer

from tests.tiny_language import RECIPE, load
from training.checkpoint import Checkpoint
from training.kind import Rows
from training.language.data import BYTES, WANTED, WINDOW, prepared
from training.language.findings import continued, hardest, written_by
from training.language.next_tokens import NextTokens
from training.losses import IGNORED
from training.models.decoder import Decoder
from training.report.section import Table
from training.run import restore

WORDS = Tokenizer.from_str(prepared(load(), 400, 32).facts["tokenizer"])


def decoder(checkpoint: Checkpoint) -> Decoder:
    module = restore(RECIPE, checkpoint).module
    assert isinstance(module, NextTokens)
    return module.decoder


def test_it_goes_on_with_texts_and_the_same_each_time(writer: Checkpoint) -> None:
    model, windows = decoder(writer), writer.rows.inputs[WINDOW]

    section = continued(model, WORDS, windows)

    _, table = section.parts
    assert isinstance(table, Table)
    assert len(table.rows) == 4
    begin, own, text = table.rows[0]
    assert WORDS.decode(windows[0].tolist(), skip_special_tokens=False).startswith(f"{begin}{text}")
    assert " of " in str(own)
    assert section == continued(model, WORDS, windows)
    assert not section.in_card


def test_so_many_tokens_are_written_after_each_text(writer: Checkpoint) -> None:
    assert written_by(decoder(writer), torch.tensor([[1, 5], [1, 6]]), 3).shape == (2, 3)


def test_the_hardest_passage_is_that_of_most_bits_a_byte_and_what_fills_up_does_not_count() -> None:
    easy, hard = (WORDS.encode(text).ids[:4] for text in ("When you add one", "subtract the twelve multiply"))
    windows = np.array([[*easy, 0], [*hard, 0]])
    wanted = np.array([[*easy[1:], IGNORED], [*hard[1:], IGNORED]])
    likely = np.array([[-0.1, -0.1, -0.1, -90], [-3, -3, -3, 0.0]], np.float32)

    section = hardest(WORDS, Rows({WINDOW: windows}, {WANTED: wanted, BYTES: np.array([9, 9])}), likely)

    _, table = section.parts
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == [WORDS.decode(hard), WORDS.decode(easy)]
    assert table.rows[0][0] == f"{9 / np.log(2) / 9:.2f}"

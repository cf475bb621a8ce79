from dataclasses import replace

import torch

from tests.tiny_seq2seq import TINY, tiny_seq2seq
from training.determinism import deterministic
from training.models.seq2seq import PAD, Seq2seq, Seq2seqConfig, seq2seq_config


def tokens(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(1, 300, shape, generator=torch.Generator().manual_seed(seed))


def test_the_encoder_reads_both_ways() -> None:
    model, text = tiny_seq2seq(), tokens(1, 12)
    other = text.clone()
    other[0, -1] = 7

    first, second = model.held(text)[1][0], model.held(other)[1][0]

    assert not torch.allclose(first[:, :, 0], second[:, :, 0])


def test_what_follows_in_an_answer_changes_nothing_before_it() -> None:
    model, text, answer = tiny_seq2seq(), tokens(1, 12), tokens(1, 9, seed=2)
    other = answer.clone()
    other[0, 5:] = 7

    torch.testing.assert_close(model(text, answer)[:, :5], model(text, other)[:, :5])


def test_padding_on_the_left_changes_nothing() -> None:
    model, text, answer = tiny_seq2seq(), tokens(1, 12), tokens(1, 9, seed=2)
    padded = torch.nn.functional.pad(text, (5, 0), value=PAD)

    torch.testing.assert_close(model(padded, answer), model(text, answer), rtol=0, atol=2e-5)


def test_texts_side_by_side_are_answered_as_alone() -> None:
    model, text, answer = tiny_seq2seq(), tokens(3, 12), tokens(3, 9, seed=2)

    together = model(text, answer)

    for row in range(3):
        torch.testing.assert_close(together[row], model(text[row : row + 1], answer[row : row + 1])[0])


def test_its_config_has_the_decoders_size_and_is_no_llamas() -> None:
    fields = seq2seq_config(TINY)

    assert (fields["num_key_value_heads"], fields["head_dim"], fields["vocab_size"]) == (2, 16, 300)
    assert fields["model_type"] == "slipway-seq2seq"
    assert fields["encoder_layers"] == 1


def test_it_learns_to_answer_the_text_and_not_its_own_words() -> None:
    with deterministic(seed=0, threads=1):
        model = Seq2seq(Seq2seqConfig(replace(TINY.decoder, vocab_size=20), encoder_layers=1))
        texts = torch.randint(2, 20, (32, 4))
        answers = torch.cat((torch.ones(32, 1, dtype=torch.int64), texts.flip(1)), 1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        for _ in range(80):
            logits = model(texts, answers[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), answers[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert loss < 0.5  # it begins at log 20, 3

import math

import torch
from torch.nn.functional import cross_entropy

from tests.tiny_seq2seq import greedy, tiny_seq2seq
from training.seq2seq.batches import Tokens
from training.seq2seq.evaluate import evaluate
from training.seq2seq.tokenizer import BEGIN_ID, END_ID


def test_an_answer_is_right_if_the_plain_loop_writes_it_and_ends_there() -> None:
    model = tiny_seq2seq()
    texts = [[number + 2, 7, 11] for number in range(6)]
    third = greedy(model, [*texts[0], BEGIN_ID], 3)[2]
    model.decoder.lm_head.weight[END_ID] = model.decoder.lm_head.weight[third] * 1.01  # wins where that would
    written = [greedy(model, [*text, BEGIN_ID], 5) for text in texts]
    ended = [tokens.index(END_ID) if END_ID in tokens else 5 for tokens in written]
    rows = [Tokens(text, tokens[:end]) for text, tokens, end in zip(texts, written, ended, strict=True)]

    assert min(ended) < 5 == max(ended)
    assert evaluate(model, rows).exact_match == sum(end < 5 for end in ended) / 6
    others = [Tokens(row.text, [*row.answer, 5]) for row in rows]
    assert evaluate(model, others).exact_match == 0


def test_the_loss_is_per_token_whatever_the_length_of_the_others() -> None:
    model = tiny_seq2seq()
    rows = [Tokens([5, 6, 7], [8]), Tokens([9] * 10, [4, 4, 4])]
    losses = []
    for row in rows:
        logits = model(torch.tensor([row.text]), torch.tensor([[BEGIN_ID, *row.answer]]))[0]
        losses += cross_entropy(logits, torch.tensor([*row.answer, END_ID]), reduction="none").tolist()

    assert math.isclose(evaluate(model, rows).loss, sum(losses) / 6, rel_tol=1e-5)

import math

import torch
from torch.nn.functional import cross_entropy

from tests.tiny_seq2seq import greedy, tiny_seq2seq
from training.seq2seq.batches import Tokens
from training.seq2seq.evaluate import evaluate
from training.seq2seq.tokenizer import BEGIN_ID, END_ID


def test_an_answer_is_right_if_the_plain_loop_writes_it_to_its_end() -> None:
    model = tiny_seq2seq()
    texts = [[number + 2, 7, 11] for number in range(6)]
    written = [greedy(model, [*text, BEGIN_ID], 4) for text in texts]
    assert END_ID not in sum(written, [])  # so that none of them ends, and all are wrong
    rows = [Tokens(text, answer) for text, answer in zip(texts, written, strict=True)]

    assert evaluate(model, rows).exact_match == 0

    model.decoder.lm_head.weight[END_ID] = 0
    ending = [Tokens(text, []) for text in texts]
    ends = [greedy(model, [*text, BEGIN_ID], 1) == [END_ID] for text in texts]
    assert evaluate(model, ending).exact_match == sum(ends) / len(ends)


def test_the_loss_is_per_token_whatever_the_length_of_the_others() -> None:
    model = tiny_seq2seq()
    rows = [Tokens([5, 6, 7], [8]), Tokens([9] * 10, [4, 4, 4])]
    losses = []
    for row in rows:
        logits = model(torch.tensor([row.text]), torch.tensor([[BEGIN_ID, *row.answer]]))[0]
        losses += cross_entropy(logits, torch.tensor([*row.answer, END_ID]), reduction="none").tolist()

    assert math.isclose(evaluate(model, rows).loss, sum(losses) / 6, rel_tol=1e-5)

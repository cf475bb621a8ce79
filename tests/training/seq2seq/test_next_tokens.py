import torch

from tests.tiny_seq2seq import greedy, logits_after, tiny_seq2seq
from training.seq2seq.next_tokens import NextTokens, written_by
from training.seq2seq.tokenizer import BEGIN_ID, END_ID


def test_each_token_of_an_answer_is_foretold_from_those_before_it() -> None:
    model = tiny_seq2seq()
    with torch.inference_mode():
        likely, best = NextTokens(model)(torch.tensor([[5, 6]]), torch.tensor([[BEGIN_ID, 8, 9]]))
    logits = torch.stack([logits_after(model, [5, 6, BEGIN_ID], written) for written in ([], [8])])

    assert best.tolist() == [logits.argmax(-1).tolist()]
    assert torch.allclose(likely[0], logits.log_softmax(-1)[[0, 1], [8, 9]], atol=1e-5)


def test_left_alone_it_writes_what_the_plain_loop_does_up_to_the_end() -> None:
    model = tiny_seq2seq()
    texts = [[number + 2, 7, 11] for number in range(6)]
    third = greedy(model, [*texts[0], BEGIN_ID], 3)[2]
    model.decoder.lm_head.weight[END_ID] = model.decoder.lm_head.weight[third] * 1.01  # wins where that would

    written = written_by(model, torch.tensor(texts), 5)

    plain = [greedy(model, [*text, BEGIN_ID], 5) for text in texts]
    assert written == [row[: row.index(END_ID)] if END_ID in row else row for row in plain]
    assert min(map(len, written)) < max(map(len, written)) == 5

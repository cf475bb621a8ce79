import torch
from torch.nn.functional import cross_entropy

from tests.tiny_decoders import TINY, tiny_decoder
from training.language.next_tokens import NextTokens


def test_each_token_is_foretold_from_those_before_it_however_many_rows_there_are() -> None:
    model = tiny_decoder()
    windows = torch.randint(TINY.vocab_size, (11, 9), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        likely, best = NextTokens(model)(windows)
        logits = model(windows[:, :-1])

    assert torch.allclose(-likely, cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none"), atol=1e-5)
    assert torch.equal(best, logits.argmax(-1))

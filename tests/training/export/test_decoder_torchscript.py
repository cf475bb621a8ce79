from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.tiny_decoders import TINY, tiny_decoder
from training.export.decoder_torchscript import export
from training.models.decoder import DecoderConfig


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        replace(TINY, tie_word_embeddings=True),
        replace(TINY, attention_bias=True),
        replace(TINY, qkv_bias=True),
        replace(TINY, qk_norm=True),
    ],
    ids=["untied", "tied", "biases", "qwen2", "qwen3"],
)
def test_rows_of_several_lengths_go_on_where_the_cache_ends(config: DecoderConfig, tmp_path: Path) -> None:
    model = tiny_decoder(config)
    export(model, tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")
    cache = torch.zeros(2, 2, 3, 2, 64, 16)
    prompts = [torch.arange(start, start + length)[None] for start, length in ((5, 30), (40, 2))]

    with torch.inference_mode():
        first = [loaded(tokens, torch.tensor([0]), cache[:, :, row : row + 1]) for row, tokens in enumerate(prompts)]
        both = loaded(torch.tensor([[8], [9]]), torch.tensor([30, 2]), cache[:, :, :2])

    close = {"rtol": 0.0, "atol": 3e-5}
    for row, (tokens, token) in enumerate(zip(prompts, (8, 9), strict=True)):
        torch.testing.assert_close(first[row], model(tokens)[:, -1], **close)
        longer = torch.cat([tokens, torch.tensor([[token]])], 1)
        torch.testing.assert_close(both[row], model(longer)[0, -1], **close)
    assert not cache[:, :, 2].any()  # nobody's row
    assert cache[:, :, 1, :, :3].all()
    assert not cache[:, :, 1, :, 3:].any()

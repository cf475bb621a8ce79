from dataclasses import replace

import pytest
import torch
import transformers

from tests.tiny_decoders import TINY, tiny_decoder
from training.models.decoder import Decoder, DecoderConfig, RopeScaling, hugging_face_config, own_weights


def theirs(config: DecoderConfig) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    fields = hugging_face_config(config)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(**fields))
    for parameter in model.parameters():  # norms and biases are all ones and zeros otherwise
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        replace(TINY, tie_word_embeddings=True),
        replace(TINY, head_dim=32, rope_theta=500000.0, rms_norm_eps=1e-3),
        replace(TINY, attention_bias=True),
        replace(TINY, qkv_bias=True),
        replace(TINY, qk_norm=True, head_dim=32),
        replace(TINY, rope_theta=5e5, head_dim=32, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 32)),
    ],
    ids=["untied", "tied", "wide heads", "biases", "qwen2", "qwen3", "llama 3.1"],
)
def test_with_the_weights_of_transformers_it_gives_its_logits(config: DecoderConfig) -> None:
    model = theirs(config)
    ours = Decoder(config).eval()
    ours.load_state_dict(own_weights(model.state_dict(), config))
    tokens = torch.randint(config.vocab_size, (3, 40), generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        torch.testing.assert_close(ours(tokens), model(tokens).logits, rtol=1e-4, atol=1e-4)


def test_tied_embeddings_are_one_parameter() -> None:
    tied = Decoder(replace(TINY, tie_word_embeddings=True))

    assert "lm_head.weight" not in dict(tied.named_parameters())


def test_what_follows_changes_nothing_before_it() -> None:
    model = tiny_decoder()
    tokens = torch.arange(20).reshape(1, 20)
    others = tokens.clone()
    others[0, 12:] = 7

    torch.testing.assert_close(model(tokens)[:, :12], model(others)[:, :12])


def test_it_learns() -> None:
    model = Decoder(TINY)
    tokens = torch.arange(32).repeat(2, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(30):
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert loss < 0.5  # it begins at log 300, 5.7

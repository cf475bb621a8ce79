"""Generating models with random weights, made on the fly: what a version folder of one holds."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from training.export import decoder_onnx, decoder_torchscript
from training.models.decoder import Decoder, DecoderConfig, hugging_face_config

M = TypeVar("M", bound=nn.Module)

TINY = DecoderConfig(
    vocab_size=300,
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=128,
)
END, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"  # tokens 0, 1 and 2
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_TEXT = "the quick brown fox jumps over the lazy dog and then there is another one that thinks of nothing in particular"


def tiny_decoder(config: DecoderConfig = TINY, seed: int = 0) -> Decoder:
    return decided(Decoder(config), seed)


def decided(model: M, seed: int) -> M:
    """With random weights large enough that its choices are clear ones."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.2, generator=generator)
        else:
            nn.init.uniform_(parameter, 0.5, 1.5, generator=generator)
    return model.eval().requires_grad_(False)


def write_tiny_decoder(folder: Path, config: DecoderConfig = TINY, seed: int = 0) -> Decoder:
    """The model of what it wrote: a whole version, for any backend."""
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_decoder(config, seed)
    decoder_onnx.export(model, folder / "model.onnx")
    decoder_torchscript.export(model, folder / "model.pt")
    byte_level_tokenizer(config.vocab_size).save(str(folder / "tokenizer.json"))
    described = {
        "config.json": hugging_face_config(config),
        "generation_config.json": {"bos_token_id": 0, "eos_token_id": [0, 2]},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END,
            "eos_token": END,
            "chat_template": CHAT_TEMPLATE,
        },
    }
    write_json(folder, described)
    return model


def write_json(folder: Path, described: Mapping[str, object]) -> None:
    for name, fields in described.items():
        (folder / name).write_text(json.dumps(fields, indent=2))


def byte_level_tokenizer(vocab_size: int) -> Tokenizer:
    """Three special tokens, all bytes, and what is frequent in a sentence."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, IM_START, IM_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=1,
        show_progress=False,
    )
    tokenizer.train_from_iterator([_TEXT], trainer)
    return tokenizer


def add_tiny_decoder(root: Path, name: str = "writer", backend: str = "onnxruntime", extra: str = "") -> Decoder:
    """A repository's model of one version."""
    folder = root / name
    model = write_tiny_decoder(folder / "1")
    (folder / "config.pbtxt").write_text(
        f'backend: "{backend}"\n'
        'parameters { key: "generation.task" value { string_value: "text-generation" } }\n'
        f"{extra}\n"
    )
    return model


@torch.inference_mode()
def greedy(model: Decoder, prompt: list[int], count: int) -> list[int]:
    """The plain loop, which reads everything again for each token."""
    tokens = list(prompt)
    with one_thread():
        for _ in range(count):
            tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


@contextmanager
def one_thread() -> Iterator[None]:
    """Several would wait for one another longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

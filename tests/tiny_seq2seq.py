"""Generating models of an encoder and a decoder with random weights: what a version folder of one holds."""

from pathlib import Path

import torch
from tokenizers import processors

from tests.tiny_decoders import END, IM_START, byte_level_tokenizer, decided, one_thread, write_json
from training.export import seq2seq_onnx
from training.models.decoder import DecoderConfig
from training.models.seq2seq import Seq2seq, Seq2seqConfig, seq2seq_config

TINY = Seq2seqConfig(
    DecoderConfig(
        vocab_size=300,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=96,
    ),
    encoder_layers=1,
)
TASK = 'parameters { key: "generation.task" value { string_value: "text2text-generation" } }'


def tiny_seq2seq(config: Seq2seqConfig = TINY, seed: int = 0) -> Seq2seq:
    return decided(Seq2seq(config), seed)


def write_tiny_seq2seq(folder: Path, config: Seq2seqConfig = TINY, seed: int = 0) -> Seq2seq:
    """The model of what it wrote: a whole version. Its tokenizer ends texts with what begins answers."""
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_seq2seq(config, seed)
    seq2seq_onnx.export(model, folder / "encoder.onnx", folder / "model.onnx")
    tokenizer = byte_level_tokenizer(config.decoder.vocab_size)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {IM_START}", special_tokens=[(IM_START, 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {
        "config.json": seq2seq_config(config),
        "generation_config.json": {"eos_token_id": 0},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END},
    }
    write_json(folder, described)
    return model


def logits_after(model: Seq2seq, prompt: list[int], written: list[int]) -> torch.Tensor:
    """[vocab_size], of the next token, everything read anew."""
    *text, first = prompt
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.tensor([text], dtype=torch.int64), torch.tensor([[first, *written]]))[0, -1]
    return logits


def greedy(model: Seq2seq, prompt: list[int], count: int) -> list[int]:
    """The plain loop."""
    written: list[int] = []
    with one_thread():
        for _ in range(count):
            written.append(int(logits_after(model, prompt, written).argmax()))
    return written


def add_tiny_seq2seq(root: Path, name: str) -> Seq2seq:
    """A repository's model of one version."""
    model = write_tiny_seq2seq(root / name / "1")
    (root / name / "config.pbtxt").write_text(f'backend: "onnxruntime"\n{TASK}\n')
    return model

"""The two Llama-style models that servers of generation are compared with, and what they are asked to go on from.

Rule: the same on every machine, made from fixed seeds; all servers read the same folder, which is one of Hugging Face's
and a version of Slipway's at once.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

Prompt = tuple[int, ...]

PROMPT_TOKENS = 64

_SEED = 0
_SPACE = "Ġ"
"""How a byte-level token writes the space that it begins with."""

_UNKNOWN = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class Model:
    """Names are those of Hugging Face's LlamaConfig; embeddings are not tied."""

    name: str
    title: str
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int
    rates: tuple[float, ...]
    """Requests a second of the open loop, unless others are asked for."""

    head_dim: int = 64
    max_position_embeddings: int = 1024

    @property
    def position_bytes(self) -> int:
        """Of keys and values in float32."""
        return 2 * self.num_hidden_layers * self.num_key_value_heads * self.head_dim * 4


MODELS = (
    Model("13m", "Llama of 12.6 million parameters", 384, 1024, 6, 6, 2, 4096, (4.0, 12.0)),
    Model("110m", "Llama of 112 million parameters", 768, 2560, 12, 12, 12, 8192, (0.5, 1.5)),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A model in a repository; `folder` is its version's."""

    model: Model
    repository: Path
    folder: Path
    rows: int
    threads: int

    @property
    def config(self) -> str:
        """Text of its config.pbtxt. A prompt that comes twice is read twice: nothing is kept of the first time."""
        parameters = {
            "generation.task": "text-generation",
            "generation.max_num_seqs": self.rows,
            "intra_op_thread_count": self.threads,
        }
        lines = [f'parameters {{ key: "{key}" value {{ string_value: "{it}" }} }}' for key, it in parameters.items()]
        return "\n".join(['backend: "onnxruntime"', *lines])


def add_model(repository: Path, model: Model, rows: int, threads: int, weights: str = "float32") -> Written:
    """As version 1 of a repository, with weights as safetensors and ONNX. It has no end of text, so that nobody needs
    to be told to go on; `rows` sequences are written at once, by `threads`. `weights` are those of the ONNX file."""
    written = Written(model, repository, repository / model.name / "1", rows, threads)
    written.folder.mkdir(parents=True)
    (repository / model.name / "config.pbtxt").write_text(written.config)
    tokenizer(model.vocab_size).save(str(written.folder / "tokenizer.json"))
    _write_weights(written.folder, model, weights)
    described = {
        "generation_config.json": {"bos_token_id": 0},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "chat_template": "{% for message in messages %}{{ message['content'] }}\n{% endfor %}",
            "model_max_length": model.max_position_embeddings,
        },
    }
    for name, fields in described.items():
        (written.folder / name).write_text(json.dumps(fields))
    return written


def tokenizer(vocab_size: int) -> Tokenizer:
    """Byte-level BPE of Python's reference topics, which every Python has."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[_UNKNOWN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator((topics[name] for name in sorted(topics)), trainer)
    return made


def prompts(made: Tokenizer, seed: int, length: int = PROMPT_TOKENS) -> Iterator[Prompt]:
    """Without end, of random tokens that are words of their own, so that their text gives the same tokens again."""
    chosen = random.Random(seed)
    words = sorted(number for token, number in made.get_vocab().items() if token.startswith(_SPACE))
    stable = [number for number in words if made.encode(made.decode([number])).ids == [number]]
    while True:
        yield tuple(chosen.choices(stable, k=length))


def _write_weights(folder: Path, model: Model, weights: str) -> None:
    import torch
    from safetensors.torch import save_file

    from training.export import decoder_onnx
    from training.models.decoder import Decoder, DecoderConfig, hugging_face_config

    config = DecoderConfig(
        model.vocab_size,
        model.hidden_size,
        model.intermediate_size,
        model.num_hidden_layers,
        model.num_attention_heads,
        model.num_key_value_heads,
        model.head_dim,
        model.max_position_embeddings,
    )
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        made = Decoder(config).eval().requires_grad_(False)
    decoder_onnx.export(made, folder / "model.onnx", weights=weights)
    named = {name if name.startswith("lm_head.") else f"model.{name}": it for name, it in made.state_dict().items()}
    save_file(named, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(hugging_face_config(config)))

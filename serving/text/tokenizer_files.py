"""The files beside a model that say how it reads and writes text.

Rule: a file that is missing, is not JSON, or has something else where a value belongs is named, with what to do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.core import sampling_defaults
from serving.core.brief import brief
from serving.core.sampling_defaults import SamplingDefaults
from serving.errors import ModelLoadFailed
from serving.text import chat_template

_MISSING = (
    "'tokenizer.json' is missing, which a model that writes text needs beside it; for a Hugging Face model "
    "AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER) writes it"
)
SENTENCES = "sentence_bert_config.json"
"""Beside a model that sentence-transformers made."""

_UNLIMITED = 2**31  # transformers writes 1e30 for a tokenizer without a limit


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """`tokenizer` is the text of tokenizer.json, `decoder` a part of it. `special_tokens` are texts by names such as
    `eos_token`; `eos_token_ids` is what the generation_config.json says, or else config.json. `cuts` where
    sentence-transformers made the model, which reads no more of a text than `model_max_length` tokens."""

    tokenizer: str
    decoder: Mapping[str, Any] | None = None
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    chat_template: str = ""
    eos_token_ids: tuple[int, ...] = ()
    bos_token_id: int | None = None
    model_max_length: int | None = None
    cuts: bool = False
    sampling: SamplingDefaults = field(default_factory=SamplingDefaults)

    @classmethod
    def read(cls, directory: Path) -> "TokenizerFiles":
        """Raises `ModelLoadFailed`."""
        text = _text(directory / "tokenizer.json")
        if text is None:
            raise ModelLoadFailed(_MISSING)
        config = _read(directory / "tokenizer_config.json")
        model = _read(directory / "config.json")
        sentences = _text(directory / SENTENCES)
        own = _read(directory / sampling_defaults.FILE)
        generation = {**model, **own}
        return cls(
            tokenizer=text,
            decoder=_decoder(text),
            special_tokens=_special_tokens(config),
            chat_template=_chat_template(directory, config),
            eos_token_ids=_ids("eos_token_id", generation.get("eos_token_id")),
            bos_token_id=next(iter(_ids("bos_token_id", generation.get("bos_token_id"))), None),
            model_max_length=_shortest(
                model.get("max_position_embeddings"),
                config.get("model_max_length"),
                None if sentences is None else _max_seq_length(_object(SENTENCES, sentences)),
            ),
            cuts=sentences is not None,
            sampling=sampling_defaults.sampling_defaults(own),
        )

    @classmethod
    def of(cls, tokenizer: str) -> "TokenizerFiles":
        """A tokenizer.json alone."""
        return cls(tokenizer, _decoder(tokenizer))


def _decoder(text: str) -> dict[str, Any] | None:
    found = _object("tokenizer.json", text).get("decoder")
    return found if type(found) is dict else None


def _text(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelLoadFailed(f"'{path.name}' can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ModelLoadFailed(f"'{path.name}' is not UTF-8 text; download or export it again") from None


def _read(path: Path) -> dict[str, Any]:
    text = _text(path)
    return {} if text is None else _object(path.name, text)


def _object(name: str, text: str) -> dict[str, Any]:
    if text.startswith("version https://git-lfs"):
        raise ModelLoadFailed(f"'{name}' is a Git LFS pointer, not the file itself; run `git lfs pull`")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"'{name}' is not JSON: {error}; download or export it again") from None
    if type(document) is not dict:
        raise ModelLoadFailed(f"'{name}' must hold a JSON object, got {brief(document)}")
    return document


def _special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    """A token is its text, or an object with its `content`."""
    found = {}
    for name, token in config.items():
        text = token.get("content") if type(token) is dict else token
        if name.endswith("_token") and type(text) is str:
            found[name] = text
    return found


def _chat_template(directory: Path, config: Mapping[str, Any]) -> str:
    """A file of its own counts more, as it does for transformers."""
    alone = _text(directory / "chat_template.jinja")
    return chat_template.choose(config.get("chat_template"), "tokenizer_config.json") if alone is None else alone


def _ids(name: str, value: Any) -> tuple[int, ...]:
    ids = value if type(value) is list else [] if value is None else [value]
    if not all(type(each) is int for each in ids):
        raise ModelLoadFailed(f"'{name}' of the model's configuration must be a token's number, got {brief(value)}")
    return tuple(ids)


def _max_seq_length(fields: Mapping[str, Any]) -> int | None:
    found = fields.get("max_seq_length")
    if found is None or (type(found) is int and found > 0):
        return found
    raise ModelLoadFailed(f"'{SENTENCES}': 'max_seq_length' must be a number of tokens above 0, got {brief(found)}")


def _shortest(*lengths: Any) -> int | None:
    return min((int(it) for it in lengths if isinstance(it, int | float) and 0 < it < _UNLIMITED), default=None)

"""Models that write: decoders, with a tokenizer of their own.

Rule: they are judged by how well they foretell text, whatever they write; what is served has the files that Hugging
Face's decoders have.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from rich.console import RenderableType
from tokenizers import Tokenizer
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from training import readable_json
from training.config import TrainConfig, check
from training.data.documents import Documents
from training.kind import TEST, TEXTS, Example, Rows, Served
from training.language import data as streams
from training.language import findings, own_text, tokenizer
from training.language.data import BYTES, WANTED, WINDOW, LanguageData
from training.language.evaluate import perplexity
from training.language.next_tokens import NextTokens
from training.language.task import LanguageTask
from training.losses import IGNORED
from training.models.decoder import Decoder, DecoderConfig, hugging_face_config
from training.precision import FLOAT32, INT8
from training.report.section import Section
from training.settings import Value

LIKELY, LIKELIEST = "log_probability", "likeliest"

_LIMITS = (
    "What it writes sounds like the text that it was trained on, and need not be true; it may repeat parts of that "
    "text word for word.",
)
_EXAMPLE = 60  # characters


@dataclass(frozen=True, slots=True)
class Language:
    """`own` are the recipe's texts, for who has none."""

    own: Callable[[], Documents]
    package: ClassVar[str] = "training.export.language_package"
    weights: ClassVar[tuple[str, ...]] = (FLOAT32, INT8)

    def load(self, source: Path | None, options: Mapping[str, Value]) -> LanguageData:
        text, name = str(options["text"]), str(options["name"])
        given = self.own() if source is None else own_text.read(source, text, name)
        return streams.prepared(given, int(options["vocab_size"]), int(options["context"]))

    def task(self, data: LanguageData, hyperparameters: Mapping[str, Any], config: TrainConfig) -> LanguageTask:
        context, most = data.facts["context"], hyperparameters["max_position_embeddings"]
        check("data.context", context, context <= most, f"at most model.max_position_embeddings, {most}")

        build = partial(self.build, hyperparameters, data.facts)
        return LanguageTask(build, data.train, data.validation, context, config.batch_size)

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Decoder:
        return Decoder(DecoderConfig(vocab_size=facts["vocab_size"], **hyperparameters))

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        assert isinstance(model, Decoder)
        inputs, outputs = TEXTS
        return Served(
            NextTokens(model).eval(),
            inputs=(TensorSpec(WINDOW, "INT64", (-1, -1)),),
            outputs=(TensorSpec(LIKELY, "FP32", (-1, -1)), TensorSpec(LIKELIEST, "INT64", (-1, -1))),
            meaning="a text, and the model goes on with it",
            files=_files(model.config, facts),
            asked=inputs,
            told=outputs,
            limits=_LIMITS,
        )

    def rows(self, data: LanguageData, part: str) -> Rows:
        return streams.rows(data.test if part == TEST else data.validation, data.facts)

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        counts = truths[WANTED] != IGNORED
        nats, tokens = -float(outputs[LIKELY][counts].sum(dtype=np.float64)), int(counts.sum())
        return {
            "bits_per_byte": nats / np.log(2) / max(1, int(truths[BYTES].sum())),
            "perplexity": perplexity(nats / tokens),
            "token_accuracy": int((outputs[LIKELIEST] == truths[WANTED]).sum()) / tokens,
        }

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        """The beginning of a text that it foretells well."""
        counts = rows.truths[WANTED] != IGNORED
        best = int((np.where(counts, outputs[LIKELY], 0).sum(1) / counts.sum(1)).argmax())
        text = Tokenizer.from_str(facts["tokenizer"]).decode(rows.inputs[WINDOW][best].tolist())
        body = {"text_input": text[:_EXAMPLE], "max_tokens": 32, "temperature": 0}
        return Example("example.json", readable_json.encode(body))

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        scores = self.score(outputs, truths, facts)
        yield f"perplexity  {scores['perplexity']:.1f} a token; {scores['token_accuracy']:.1%} are the likeliest ones"

    def findings(self, served: Served, data: LanguageData, rows: Rows, answered: Arrays) -> Iterable[Section]:
        model, words = cast(NextTokens, served.module).decoder, Tokenizer.from_str(data.facts["tokenizer"])
        yield findings.continued(model, words, rows.inputs[WINDOW])
        yield findings.hardest(words, rows, answered[LIKELY])


def _files(config: DecoderConfig, facts: Mapping[str, Any]) -> dict[str, bytes]:
    end = tokenizer.SPECIAL.index(tokenizer.END)
    special = {"bos_token_id": end, "eos_token_id": end}
    return {
        tokenizer.TOKENIZER: facts["tokenizer"].encode(),
        tokenizer.CONFIG: tokenizer.config_file(config.max_position_embeddings, facts["has_questions"]),
        "config.json": readable_json.encode(hugging_face_config(config) | special),
        "generation_config.json": readable_json.encode(special),
    }

"""Models that read a text and write its answer: an encoder, and a decoder that attends to what it made.

Rule: what is said of them is of whole answers, each token the likeliest, as a client gets them at a temperature of 0.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from rich.console import RenderableType
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from training import readable_json
from training.config import TrainConfig, check
from training.data.pairs import PairSplits
from training.kind import TEST, TEXTS, Example, Rows, Served, spread
from training.language.evaluate import perplexity
from training.losses import IGNORED
from training.models.decoder import DecoderConfig
from training.models.seq2seq import Seq2seq, Seq2seqConfig, seq2seq_config
from training.precision import FLOAT32
from training.report.section import Section
from training.seq2seq import data as pairs
from training.seq2seq import findings, own_pairs, tokenizer
from training.seq2seq.data import READ, WANTED, WRITTEN, AnswerData
from training.seq2seq.next_tokens import NextTokens
from training.seq2seq.task import AnswerTask
from training.settings import Value

LIKELY, LIKELIEST = "log_probability", "likeliest"

_LIMITS = ("Its answers are texts such as it was trained on, also where there is no right one.",)
_VALIDATED = 2000  # pairs
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Answering:
    """`own` are the recipe's pairs, for who has none."""

    own: Callable[[], PairSplits]
    package: ClassVar[str] = "training.export.seq2seq_package"
    weights: ClassVar[tuple[str, ...]] = (FLOAT32,)

    def load(self, source: Path | None, options: Mapping[str, Value]) -> AnswerData:
        most = int(options["max_source"]), int(options["max_target"])
        for name, value in zip(("max_source", "max_target"), most, strict=True):
            check(f"data.{name}", value, 1 <= value <= _MOST_BYTES, f"from 1 to {_MOST_BYTES}")
        if source is None:
            return pairs.prepared(self.own(), most)
        columns = str(options["source"]), str(options["target"])
        slices = [name.strip() for name in str(options["slices"]).split(",") if name.strip()]
        return pairs.prepared(own_pairs.read(source, *columns, slices, bool(options["fold"]), most), most)

    def task(self, data: AnswerData, hyperparameters: Mapping[str, Any], _: TrainConfig) -> AnswerTask:
        validation = [data.validation[row] for row in spread(len(data.validation), _VALIDATED)]
        return AnswerTask(partial(self.build, hyperparameters, data.facts), data.train, validation)

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Seq2seq:
        decoder = {name: value for name, value in hyperparameters.items() if name != "encoder_layers"}
        sizes = {"vocab_size": tokenizer.VOCABULARY, "max_position_embeddings": facts["positions"]}
        return Seq2seq(Seq2seqConfig(DecoderConfig(**sizes, **decoder), hyperparameters["encoder_layers"]))

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        assert isinstance(model, Seq2seq)
        asked, told = TEXTS
        return Served(
            NextTokens(model).eval(),
            inputs=(TensorSpec(READ, "INT64", (-1, -1)), TensorSpec(WRITTEN, "INT64", (-1, -1))),
            outputs=(TensorSpec(LIKELY, "FP32", (-1, -1)), TensorSpec(LIKELIEST, "INT64", (-1, -1))),
            meaning="a text, and gets its answer",
            files=_files(model, facts),
            asked=asked,
            told=told,
            limits=_LIMITS,
        )

    def rows(self, data: AnswerData, part: str) -> Rows:
        return pairs.rows(data.test if part == TEST else data.validation)

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        counts = truths[WANTED] != IGNORED
        right = outputs[LIKELIEST] == truths[WANTED]
        nats = -float(outputs[LIKELY][counts].sum(dtype=np.float64))
        return {
            "exact_match": float((right | ~counts).all(1).mean()),
            "token_accuracy": float(right[counts].mean()),
            "perplexity": perplexity(nats / counts.sum()),
        }

    def example(self, rows: Rows, outputs: Arrays, _: Mapping[str, Any]) -> Example:
        """One that is answered rightly, if there is one."""
        counts = rows.truths[WANTED] != IGNORED
        best = int(np.where(counts, outputs[LIKELY], 0).sum(1).argmax())
        text = str(tokenizer.byte_tokenizer(False).decode(pairs.pairs_of(rows)[best].text))
        return Example("example.json", readable_json.encode({"text_input": text, "temperature": 0}))

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        yield f"tokens      {self.score(outputs, truths, facts)['token_accuracy']:.1%} are right, after right ones"

    def findings(self, served: Served, data: AnswerData, rows: Rows, answered: Arrays) -> Iterable[Section]:
        model, right = cast(NextTokens, served.module).model, answered[LIKELIEST] == rows.truths[WANTED]
        counts = rows.truths[WANTED] != IGNORED
        yield findings.right_answers(right, counts)
        yield findings.wrong_answers(model, rows, (right | ~counts).all(1), np.where(counts, answered[LIKELY], 0))
        yield findings.by_group(data.groups, (right | ~counts).all(1))


def _files(model: Seq2seq, facts: Mapping[str, Any]) -> dict[str, bytes]:
    special = {"eos_token_id": tokenizer.END_ID, "decoder_start_token_id": tokenizer.BEGIN_ID}
    return {
        tokenizer.TOKENIZER: tokenizer.byte_tokenizer(facts["folds"]).to_str(pretty=True).encode() + b"\n",
        tokenizer.CONFIG: tokenizer.config_file(facts["positions"]),
        "config.json": readable_json.encode(seq2seq_config(model.config) | special),
        "generation_config.json": readable_json.encode(special),
    }

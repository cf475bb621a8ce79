"""Classifiers of texts: an encoder as BERT is one, with a tokenizer of its own.

Rule: what is served has the inputs, files and names that Hugging Face's encoders have.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from tokenizers import Tokenizer
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from training.classification import findings, scores, word_explanations
from training.config import TrainConfig
from training.data.splits import Split, Splits
from training.kind import TEST, Example, Rows, Served
from training.models.encoder import NOTHING, EncoderConfig, FilledTexts
from training.report.section import Section
from training.settings import Value
from training.texts import tokens
from training.texts.data import prepared
from training.texts.labelled import Labelled, read_table
from training.texts.task import TextTask

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PROBABILITIES, LABEL = "probabilities", "label"
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_MOST_CONFUSED = 2  # other labels, of those that a label is taken for


@dataclass(frozen=True, slots=True)
class Texts:
    """`own` are the recipe's texts, for who has none."""

    own: Callable[[], Labelled]

    def load(self, source: Path | None, options: Mapping[str, Value]) -> Splits:
        text, target = str(options["text"]), str(options["target"])
        given = self.own() if source is None else read_table(source, text, target)
        return prepared(given, int(options["vocab_size"]), int(options["max_tokens"]))

    def task(self, data: Splits, hyperparameters: Mapping[str, Any], config: TrainConfig) -> TextTask:
        return TextTask(lambda: self.build(hyperparameters, data.facts), data, config, hyperparameters["word_dropout"])

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> nn.Module:
        sizes = {name: hyperparameters[name] for name in _SIZES}
        most = facts["max_tokens"]
        return FilledTexts(
            EncoderConfig(facts["vocab_size"], max_position_embeddings=most, **sizes), len(facts["labels"])
        )

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        classifier = cast(FilledTexts, model).classifier
        labels, config = tuple(facts["labels"]), classifier.bert.config
        return Served(
            classifier.eval(),
            inputs=tuple(TensorSpec(name, "INT64", (-1, -1)) for name in INPUTS),
            outputs=(TensorSpec(PROBABILITIES, "FP32", (-1, len(labels))),),
            meaning="what tokenizer.json makes of a text, 1 for each token (0 where a row is filled up), and zeros",
            labels={PROBABILITIES: labels},
            files=tokens.files(facts["tokenizer"], facts["max_tokens"], asdict(config), labels),
        )

    def rows(self, data: Splits, part: str) -> Rows:
        split: Split = data.test if part == TEST else data.validation
        ids = split.features.numpy()
        return Rows(
            dict(zip(INPUTS, (ids, (ids != NOTHING).astype(np.int64), np.zeros_like(ids)), strict=True)),
            {LABEL: split.labels.numpy()},
        )

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        return scores.scores(outputs[PROBABILITIES], truths[LABEL])

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        """As the tokenizer has it, without upper case."""
        ids = rows.inputs[INPUTS[0]][scores.clearest(outputs[PROBABILITIES], rows.truths[LABEL])]
        text = _text(Tokenizer.from_str(facts["tokenizer"]), ids)
        return Example("example.json", json.dumps({"inputs": text}).encode() + b"\n")

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        table = Table("label", "texts", "found", "taken for")
        for label, row in zip(facts["labels"], scores.confusion(outputs[PROBABILITIES], truths[LABEL]), strict=True):
            number = facts["labels"].index(label)
            others = [other for other in np.argsort(-row)[: _MOST_CONFUSED + 1] if other != number and row[other]]
            taken = ", ".join(f"{facts['labels'][other]} {row[other]}" for other in others[:_MOST_CONFUSED])
            table.add_row(Text(label), str(row.sum()), f"{row[number] / max(1, row.sum()):.0%}", Text(taken))
        yield table

    def findings(self, served: Served, data: Splits, rows: Rows, answered: Arrays) -> Iterable[Section]:
        tokenizer = Tokenizer.from_str(data.facts["tokenizer"])
        inputs, probabilities = [rows.inputs[name] for name in INPUTS], answered[PROBABILITIES]
        yield from findings.sections(
            probabilities,
            rows.truths[LABEL],
            data.labels,
            data.test.groups,
            lambda row: Example("example.txt", _text(tokenizer, inputs[0][row]).encode()),
        )
        special = range(len(tokens.SPECIAL))
        yield word_explanations.explained(
            served.module, inputs, probabilities, data.labels, lambda token: str(tokenizer.decode([token])), special
        )


def _text(tokenizer: Tokenizer, ids: np.ndarray) -> str:
    return str(tokenizer.decode(ids.tolist())).strip()

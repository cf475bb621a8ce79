"""Models that transcribe speech.

Rule: what is served takes samples as a file has them, and answers the best class of each frame, which the server makes
text of as `serving.audio.ctc` does.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import soundfile
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from torch import nn

from serving.audio import ctc
from serving.core.requests import Arrays, TensorSpec
from serving.protocols.transcribe import AUDIO, LENGTH, TOKENS
from training.config import TrainConfig, check
from training.kind import TEST, Example, Rows, Served
from training.models.transcriber import Greedy, Transcriber
from training.report import section as report
from training.settings import Value
from training.speech import recordings, spoken_digits
from training.speech.letters import classes_of
from training.speech.score import distance, scores
from training.speech.task import SpeechTask
from training.speech.utterances import CALIBRATION_BYTES, TEST_BYTES, Speech

TEXT = "text"

_LIMITS = {"sample_rate": (4000, 48_000), "max_seconds": (0.1, 3600.0)}
_TOLD = ("sample_rate", "max_seconds")  # checkpoints of before have no second
_SHOWN, _WORST = 5, 20  # texts
_AGREEMENT = 0.98  # frames lie between two characters, and each runtime may prefer another


class Transcription:
    """`load` without a source makes spoken digits; it raises `InvalidConfig` too."""

    row_cost: ClassVar[int] = 50

    def load(self, source: Path | None, options: Mapping[str, Value]) -> Speech:
        given = cast(Mapping[str, Any], options)
        for name, (least, most) in _LIMITS.items():
            check(f"data.{name}", given[name], least <= given[name] <= most, f"from {least:g} to {most:g}")
        if source is not None:
            return recordings.load(source, given["sample_rate"], given["max_seconds"])
        made = spoken_digits.load(given["train"], given["held_out"], given["voices"], given["sample_rate"])
        return replace(made, facts={**made.facts, "max_seconds": given["max_seconds"]})

    def task(self, data: Speech, hyperparameters: Mapping[str, Any], _: TrainConfig) -> SpeechTask:
        return SpeechTask(lambda: self.build(hyperparameters, data.facts), data)

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Transcriber:
        return Transcriber(facts["sample_rate"], len(facts["labels"]), **hyperparameters)

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        return Served(
            Greedy(cast(Transcriber, model)).eval(),
            inputs=(TensorSpec(AUDIO, "FP32", (-1, -1)), TensorSpec(LENGTH, "INT64", (-1, 1))),
            outputs=(TensorSpec(TOKENS, "INT64", (-1, -1)),),
            meaning=f"samples from -1 to 1, {facts['sample_rate']} a second, and how many of them are sound",
            labels={TOKENS: tuple(facts["labels"])},
            parameters={f"audio.{name}": f"{facts[name]:g}" for name in _TOLD if name in facts},
            agreement=_AGREEMENT,
        )

    def rows(self, data: Speech, part: str) -> Rows:
        split, size = (data.test, TEST_BYTES) if part == TEST else (data.validation, CALIBRATION_BYTES)
        rows = split.within(size)
        audio, lengths = split.filled(rows)
        texts = [classes_of(split.texts[row], data.facts["labels"]) for row in rows.tolist()]
        truths = nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=ctc.BLANK)
        return Rows({AUDIO: audio.numpy(), LENGTH: lengths.numpy()}, {TEXT: truths.numpy()})

    def score(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Mapping[str, float]:
        return scores(_heard(outputs, facts), _said(truths, facts))

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        heard, said = _heard(outputs, facts), _said(rows.truths, facts)
        best = max(range(len(said)), key=lambda row: (heard[row] == said[row], len(said[row])))
        samples = rows.inputs[AUDIO][best, : int(rows.inputs[LENGTH][best, 0])]
        file = io.BytesIO()
        soundfile.write(file, samples, facts["sample_rate"], subtype="PCM_16", format="WAV")
        return Example("example.wav", file.getvalue())

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        """The first texts with a fault, or else the first of all."""
        pairs = list(zip(_said(truths, facts), _heard(outputs, facts), strict=True))
        faulty = [(said, heard) for said, heard in pairs if said != heard]
        table = Table("said", "heard", title=f"{len(faulty)} of {len(pairs)} texts with a fault", title_justify="left")
        for said, heard in (faulty or pairs)[:_SHOWN]:
            table.add_row(Text(said), Text(heard))
        return [table]

    def findings(self, _: Served, data: Speech, rows: Rows, answered: Arrays) -> Iterable[report.Section]:
        pairs = list(zip(_said(rows.truths, data.facts), _heard(answered, data.facts), strict=True))
        faults = [(distance(heard.split(), said.split()), said, heard) for said, heard in pairs if said != heard]
        worst = sorted(faults, key=lambda fault: -fault[0])[:_WORST]
        table = report.Table(
            ("said", "heard", "words"), tuple((said, heard, str(count)) for count, said, heard in worst)
        )
        told = report.Text(
            f"{len(faults)} of {len(pairs)} texts have a fault; those with most words to mend come first."
        )
        yield report.Section("Heard wrongly", (told, *([table] if worst else [])))


def _heard(outputs: Arrays, facts: Mapping[str, Any]) -> list[str]:
    return [ctc.text(row, facts["labels"]) for row in outputs[TOKENS]]


def _said(truths: Arrays, facts: Mapping[str, Any]) -> list[str]:
    return [_written(row, facts["labels"]) for row in truths[TEXT]]


def _written(classes: np.ndarray, labels: Sequence[str]) -> str:
    return "".join(labels[number] for number in classes.tolist() if number != ctc.BLANK).replace(ctc.GAP, " ")

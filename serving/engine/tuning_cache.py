"""What was measured of a version on a machine like this, kept for the next load.

Rule: nothing depends on it: what is not there, can't be read or belongs to something else is measured again.

    <model>/.tuned/<version>-<key>.json    beside the version, where that can be written
    <cache>/tuned/<model>-<version>-<key>.json
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from serving.backends import backend
from serving.core.model_config import ModelConfig
from serving.engine.cache_folder import usual_cache
from serving.engine.measuring import Measurement
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Measured, Question, Setting, candidates

FOLDER = ".tuned"

_FORMAT = 2
_LARGEST = 1 << 20  # bytes


class TuningCache:
    """Of one version and one question. `folder` is for versions whose own place can't be written, by default the
    system's."""

    def __init__(self, directory: Path, config: ModelConfig, question: Question, folder: Path | None = None) -> None:
        """Reads the model's file. Raises `ModelLoadFailed`."""
        self._question = question
        self._places = tuple(_places(directory, _key(directory, config, question), folder))

    def __repr__(self) -> str:
        return f"<TuningCache {self._places[0]}>"

    def read(self) -> Measurement | None:
        for place in self._places:
            wrong = (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError)
            with suppress(*wrong), place.open("rb") as file:
                return _decoded(json.loads(file.read(_LARGEST)), self._question)
        return None

    def write(self, measurement: Measurement) -> Path | None:
        """Where it is; None where it can't be kept."""
        content = json.dumps(_encoded(measurement), indent=1)
        for place in self._places:
            written = place.with_name(f".{place.name}.{os.getpid()}")
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(content)
                written.replace(place)
                return place
            except OSError:
                with suppress(OSError):
                    written.unlink(missing_ok=True)
        return None


def _places(directory: Path, key: str, folder: Path | None) -> Iterator[Path]:
    yield directory.parent / FOLDER / f"{directory.name}-{key}.json"
    with suppress(ModelLoadFailed):
        yield (folder or usual_cache()) / "tuned" / f"{directory.parent.name}-{directory.name}-{key}.json"


def _key(directory: Path, config: ModelConfig, question: Question) -> str:
    """All that the times depend on; the objective is a matter of what to make of them."""
    name = str(config.default_model_filename)
    try:
        with (directory / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelLoadFailed(f"'{name}' can't be read: {error.strerror}") from None
    asked = repr(replace(question, objective=0.0))
    parts = (_FORMAT, _processor(), backend.runtime(config.backend), digest, asked)
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def _processor() -> str:
    with suppress(OSError, UnicodeDecodeError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("model name", "CPU part")))
    return platform.processor() or platform.machine()


def _encoded(measurement: Measurement) -> Any:
    rows = [[it.setting.instances, it.setting.threads, it.rows, it.seconds] for it in measurement.measured]
    return {"instances, threads, rows, seconds": rows, "disturbed": round(measurement.disturbed, 3)}


def _decoded(document: Any, question: Question) -> Measurement:
    """Raises `ValueError` and others for what was not written here, or answers another question."""
    measured = [
        Measured(Setting(int(instances), int(threads)), int(rows), float(seconds))
        for instances, threads, rows, seconds in document["instances, threads, rows, seconds"]
    ]
    _check(measured, question)
    return Measurement(tuple(measured), float(document["disturbed"]))


def _check(measured: Sequence[Measured], question: Question) -> None:
    if not measured or not {it.setting for it in measured} <= set(candidates(question)):
        raise ValueError("other settings")
    most = max(1, question.max_batch_size)
    if not all(1 <= it.rows <= most and it.seconds > 0 and isfinite(it.seconds) for it in measured):
        raise ValueError("impossible times")

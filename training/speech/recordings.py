"""Recordings of the user's own: a table of files and texts, or folders as LibriSpeech has them.

Rule: every recording that is read is trained on, or counted with the reason why not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from serving.audio import sound
from serving.errors import InvalidInput, Unsupported
from training.data import tables
from training.data.card import Card
from training.data.splits import NAMES, split_of, unique
from training.errors import InvalidData
from training.models.transcriber import FRAMES_A_SECOND
from training.speech.letters import frames_needed, labels_of, plain
from training.speech.utterances import TEST_BYTES, Speech, Utterance, Utterances, sixteen_bits

FILES = ("file", "file_name", "path", "audio", "audio_filepath")
TEXTS = ("text", "sentence", "transcription", "transcript")
SPEAKERS = ("speaker", "speaker_id", "client_id")
"""What columns may be called; the last are not needed."""

_FOLDERS = (".", "clips", "wavs")  # where files are, beside their table
_LIBRISPEECH = "*.trans.txt"
_LONGEST = 3600.0  # seconds that are decoded before it is known how long a file is
_WANTED = 'a table with the columns "file" and "text" beside the recordings, or folders as LibriSpeech has them'


@dataclass(frozen=True, slots=True)
class Listed:
    """A recording as a table names it."""

    path: Path
    text: str
    speaker: str = ""


class _Dropped(Exception):
    """The text is the reason; `detail` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


def load(source: Path, sample_rate: int, max_seconds: float) -> Speech:
    """Raises `InvalidData`."""
    found, dropped, notes = _read(listed(source), sample_rate, max_seconds)
    kept, repeated = unique([row.samples.tobytes() for row in found], [hash(row.text) for row in found])
    rows = [found[row] for row in kept]
    reasons = dropped + Counter(repeated)
    splits, how = _split(rows)
    if not all(splits.values()):
        raise InvalidData(
            f"'{source}' has {len(rows)} recordings that can be used, too few for training, validation and test"
            f"{_told(reasons)}{''.join(f'; {note}' for note in notes)}; give at least some tens"
        )
    facts = {"labels": labels_of(row.text for row in rows), "sample_rate": sample_rate, "max_seconds": max_seconds}
    kept_rows = {name: len(part) for name, part in splits.items()}
    train, validation, test = (Utterances.of(splits[name]) for name in NAMES)
    card = Card(str(source), len(rows) + reasons.total(), reasons, kept_rows, notes=(*notes, how, *_heard(test)))
    return Speech(train, validation, test, facts, card)


def listed(source: Path) -> Iterable[Listed]:
    """Raises `InvalidData`."""
    if source.is_dir() and (transcripts := sorted(source.rglob(_LIBRISPEECH))):
        return _of_librispeech(transcripts)
    try:
        table = tables.read(source)
    except InvalidData as error:
        raise InvalidData(f"{error} (recordings are given as {_WANTED})") from None
    folder = source if source.is_dir() else source.parent
    file, text = (_column(source, table, names) for names in (FILES, TEXTS))
    speaker = next((name for name in SPEAKERS if name in table.columns), None)
    rows = zip(table[file], table[text], table[speaker] if speaker else [""] * len(table), strict=True)
    return [Listed(_beside(folder, _text(name)), _text(said), _text(who)) for name, said, who in rows]


def _text(value: Any) -> str:
    """A table of numbers has 0 too."""
    return "" if value is None else str(value)


def _column(source: Path, table: pl.DataFrame, names: Sequence[str]) -> str:
    for name in names:
        if name in table.columns:
            return name
    raise InvalidData(
        f"'{source}' has no column {' or '.join(names)}, but {', '.join(table.columns)}; "
        f"recordings are given as {_WANTED}"
    )


def _beside(folder: Path, name: str) -> Path:
    places = [folder / place / name for place in _FOLDERS]
    return next((place for place in places if place.is_file()), places[0])


def _of_librispeech(transcripts: Sequence[Path]) -> Iterator[Listed]:
    """`1089-134686-0000 HE HOPED` in 1089/134686/1089-134686.trans.txt, beside 1089-134686-0000.flac."""
    for transcript in transcripts:
        for line in transcript.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, text = line.partition(" ")
            yield Listed(transcript.parent / f"{name}.flac", text, name.partition("-")[0])


def _read(
    rows: Iterable[Listed], sample_rate: int, max_seconds: float
) -> tuple[list[Utterance], Counter[str], list[str]]:
    """What can be used, what can't be by reason, and the first of each reason that has something to say."""
    found: list[Utterance] = []
    dropped: Counter[str] = Counter()
    notes: list[str] = []
    for row in rows:
        try:
            found.append(_utterance(row, sample_rate, max_seconds))
        except _Dropped as why:
            if why.detail and str(why) not in dropped:
                notes.append(f"'{row.path}': {why.detail}")
            dropped[str(why)] += 1
    return found, dropped, notes


def _utterance(row: Listed, sample_rate: int, max_seconds: float) -> Utterance:
    text = plain(row.text)
    if not text:
        raise _Dropped("no text")
    try:
        samples = sixteen_bits(sound.samples_of(row.path.read_bytes(), sample_rate, _LONGEST))
    except Unsupported as error:
        raise InvalidData(str(error)) from None
    except OSError as error:
        raise _Dropped("no such file" if isinstance(error, FileNotFoundError) else "unreadable", str(error)) from None
    except InvalidInput as error:
        raise _Dropped("unreadable", str(error)) from None
    seconds = len(samples) / sample_rate
    if seconds > max_seconds:
        raise _Dropped("too long", f"{seconds:.1f} s, and data.max_seconds is {max_seconds:g}")
    if seconds * FRAMES_A_SECOND < frames_needed(text):
        raise _Dropped("too short for its text", f"{seconds:.1f} s for {len(text)} characters")
    if not samples.any():
        raise _Dropped("silent")
    return Utterance(samples, text, row.speaker)


def _split(rows: Sequence[Utterance]) -> tuple[Mapping[str, list[Utterance]], str]:
    """By speaker where they are known and many enough, else by what is heard; and that in words."""
    if all(row.speaker for row in rows):
        apart = _by_key(rows, [row.speaker.encode() for row in rows])
        if all(apart.values()):
            return apart, "Nobody who speaks in the test speaks in training."
    return _by_key(rows, [row.samples.tobytes() for row in rows]), "Those who speak in the test may speak in training."


def _by_key(rows: Sequence[Utterance], keys: Sequence[bytes]) -> dict[str, list[Utterance]]:
    names = list(map(split_of, keys))
    return {name: [row for row, own in zip(rows, names, strict=True) if own == name] for name in NAMES}


def _heard(test: Utterances) -> list[str]:
    """In words, where it is not all."""
    heard = len(test.within(TEST_BYTES))
    return [f"Of the {len(test)} test recordings, {heard} are heard: more need too much memory."] * (heard < len(test))


def _told(reasons: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {reason}' for reason, count in reasons.items())})" if reasons else ""

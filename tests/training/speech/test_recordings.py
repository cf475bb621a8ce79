import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data.splits import split_of
from training.errors import InvalidData
from training.speech import recordings
from training.speech.utterances import Speech

RATE = 8000


def wave(seconds: float, seed: int, rate: int = RATE, kind: str = "WAV") -> bytes:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, 0.1 * noise, rate, format=kind)
    return file.getvalue()


def write(folder: Path, rows: int, columns: str = "file,text", **extra: str) -> None:
    """So many recordings `clip 0.wav`, of the texts `word a`, `word b`, ...; `extra` are further lines of the table."""
    lines = [columns]
    for row in range(rows):
        (folder / f"clip {row}.wav").write_bytes(wave(0.5, row))
        lines.append(f"clip {row}.wav,Word {chr(97 + row % 26)}!")
    (folder / "table.csv").write_text("\n".join([*lines, *(f"{name},{text}" for name, text in extra.items())]) + "\n")


def load(source: Path) -> Speech:
    return recordings.load(source, RATE, 2.0)


def texts_of(speech: Speech) -> set[str]:
    return {text for split in (speech.train, speech.validation, speech.test) for text in split.texts}


@pytest.mark.parametrize("given", [lambda folder: folder, lambda folder: folder / "table.csv"])
def test_a_table_beside_its_files(tmp_path: Path, given: Callable[[Path], Path]) -> None:
    write(tmp_path, 20)
    speech = load(given(tmp_path))
    assert texts_of(speech) == {f"word {chr(97 + row)}" for row in range(20)}
    assert speech.facts == {
        "labels": ["<blank>", "|", *"abcdefghijklmnopqrstw"],
        "sample_rate": RATE,
        "max_seconds": 2.0,
    }
    assert (speech.card.read, sum(speech.card.kept.values()), speech.card.dropped) == (20, 20, {})


def test_columns_and_folders_as_common_voice_has_them(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    lines = ["client_id\tpath\tsentence\tup_votes"]
    speakers = [f"person {number}" for number in range(8)]
    assert {split_of(speaker.encode()) for speaker in speakers} == {"train", "validation", "test"}
    for row in range(24):
        (tmp_path / "clips" / f"{row}.mp3").write_bytes(wave(0.5, row, 16000, "MP3"))
        lines.append(f"{speakers[row % 8]}\t{row}.mp3\tHello {chr(97 + row)}\t2")
    (tmp_path / "validated.tsv").write_text("\n".join(lines))
    speech = load(tmp_path / "validated.tsv")
    assert speech.card.notes == ("Nobody who speaks in the test speaks in training.",)
    in_test = {f"hello {chr(97 + row)}" for row in range(24) if split_of(speakers[row % 8].encode()) == "test"}
    assert set(speech.test.texts) == in_test


def test_jsonl_as_other_tools_write_it(tmp_path: Path) -> None:
    rows = []
    for row in range(12):
        (tmp_path / f"{row}.flac").write_bytes(wave(0.4, row, kind="FLAC"))
        rows.append(
            json.dumps({"audio_filepath": str(tmp_path / f"{row}.flac"), "text": f"yes {row}", "duration": 0.4})
        )
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows))
    assert len(texts_of(load(tmp_path / "manifest.jsonl"))) == 12


def test_a_table_of_numbers_has_zero_too(tmp_path: Path) -> None:
    lines = [json.dumps({"file": row, "text": row, "speaker": row}) for row in (None, 0, 1)]
    (tmp_path / "table.jsonl").write_text("\n".join(lines))
    nothing, *rows = recordings.listed(tmp_path / "table.jsonl")
    assert (nothing.text, nothing.speaker) == ("", "")
    assert [(row.path.name, row.text, row.speaker) for row in rows] == [("0", "0", "0"), ("1", "1", "1")]


def test_a_test_that_is_too_large_to_hear_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 40)
    assert len(load(tmp_path).card.notes) == 1
    monkeypatch.setattr(recordings, "TEST_BYTES", 2 * 4 * RATE)
    speech = load(tmp_path)
    assert f"Of the {len(speech.test)} test recordings, 4 are heard: more need too much memory." in speech.card.notes


def test_folders_as_librispeech_has_them(tmp_path: Path) -> None:
    for speaker in range(8):
        folder = tmp_path / str(speaker) / "7"
        folder.mkdir(parents=True)
        names = [f"{speaker}-7-{number:04}" for number in range(3)]
        for number, name in enumerate(names):
            (folder / f"{name}.flac").write_bytes(wave(0.5, 10 * speaker + number, 16000, "FLAC"))
        (folder / f"{speaker}-7.trans.txt").write_text("".join(f"{name} SAID {name[-1]}\n" for name in names))
    speech = load(tmp_path)
    assert texts_of(speech) == {"said 0", "said 1", "said 2"}
    assert speech.card.read == 24


def test_what_can_not_be_used_is_counted_with_its_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        20,
        **{"gone.wav": "gone", "noise.wav": "noise", "long.wav": "long", "short.wav": "too many words for this"},
        **{"again.wav": "Word a", "mute.wav": "mute", "clip 1.wav ": "other", "wordless.wav": "..."},
    )
    for name, content in {
        "noise.wav": b"no sound",
        "long.wav": wave(2.5, 100),
        "short.wav": wave(0.2, 101),
        "again.wav": wave(0.5, 0),
        "clip 1.wav ": wave(0.5, 1),
    }.items():
        (tmp_path / name).write_bytes(content)
    soundfile.write(tmp_path / "mute.wav", np.zeros(4000), RATE)
    card = load(tmp_path).card
    assert dict(card.dropped) == {
        **dict.fromkeys(("no such file", "unreadable", "too long", "too short for its text", "silent", "no text"), 1),
        "duplicate": 1,
        "contradicting labels": 2,
    }
    assert card.read == 28 == sum(card.kept.values()) + sum(card.dropped.values())
    assert any("long.wav': 2.5 s, and data.max_seconds is 2" in note for note in card.notes)


def test_too_few_is_told_with_why_the_others_were_dropped(tmp_path: Path) -> None:
    write(tmp_path, 1, **{"gone.wav": "gone"})
    with pytest.raises(
        InvalidData, match=r"has 1 recordings that can be used, too few .*\(1 no such file\).*gone\.wav"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, 'no table.*"file" and "text"'),
        ("name,text\na,b\n", "has no column file or file_name or path or audio or audio_filepath, but name, text"),
        ("file,words\na,b\n", "has no column text or sentence"),
        ("file,text\n", "has no rows"),
    ],
)
def test_a_table_that_says_too_little(tmp_path: Path, table: str | None, words: str) -> None:
    if table is not None:
        (tmp_path / "table.csv").write_text(table)
    with pytest.raises(InvalidData, match=words):
        load(tmp_path)

import io
import sys
from contextlib import suppress

import numpy as np
import pytest
import soundfile

from serving.audio.sound import samples_of
from serving.errors import InvalidInput, Unsupported
from tests.recordings import RATE, recording, samples


def wave(values: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, values, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_samples_of_sixteen_bits_come_out_as_they_went_in(kind: str) -> None:
    given = np.arange(-32768, 32767, 7, np.int16)
    found = samples_of(wave(given, kind=kind, subtype="PCM_16"), RATE, 60)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, given.astype(np.float32) / 32768)


@pytest.mark.parametrize("kind", ["OGG", "MP3"])
def test_formats_that_lose_something_are_close(kind: str) -> None:
    found = samples_of(recording("abc", 16000, kind), 16000, 60)
    assert len(found) >= 4800
    assert abs(np.abs(found[2400:3000]).max() - 0.3) < 0.05


@pytest.mark.parametrize("rate", [8000, 12000, 22050, 44100, 48000])
def test_every_rate_becomes_the_models(rate: int) -> None:
    found = samples_of(recording("bbb", rate), 16000, 60)
    assert abs(len(found) - 4800) <= 2
    np.testing.assert_allclose(found[800:4000], samples("bbb", 16000)[800:4000], atol=0.01)


def test_channels_are_mixed() -> None:
    both = np.stack([samples("ac"), -samples("ac")], axis=1)
    assert np.abs(samples_of(wave(both), RATE, 60)).max() < 1e-4
    np.testing.assert_allclose(samples_of(recording("ac", channels=2), RATE, 60), samples("ac"), atol=1e-4)


def test_a_recording_of_several_pieces_is_whole() -> None:
    values = (np.arange(600_000) % 30_000).astype(np.int16)
    found = samples_of(wave(values), RATE, 100)
    np.testing.assert_array_equal(found, values.astype(np.float32) / 32768)


def test_what_is_louder_than_one_is_cut() -> None:
    given = wave(np.array([0.5, 2.0, -3.0], np.float32), subtype="FLOAT")
    assert samples_of(given, RATE, 60).tolist() == [0.5, 1.0, -1.0]


def test_recordings_have_a_limit_together() -> None:
    assert len(samples_of(recording("abc"), RATE, 1, together=2, taken=1.7)) == 0.3 * RATE
    with pytest.raises(InvalidInput, match=r"longer than 2 s together, .*; send them in several requests"):
        samples_of(recording("abc"), RATE, 1, together=2, taken=1.8)


@pytest.mark.parametrize(
    ("recording_", "words"),
    [
        (b"hello", "can't be read; send WAV, FLAC, OGG or MP3"),
        (recording("abc")[:20], "can't be read; send WAV"),
        (b"\x00" * 1000, "can't be read; send WAV"),
        (wave(np.empty(0, np.int16)), "is empty"),
        (wave(np.array([0.0, np.nan]), subtype="FLOAT"), "not finite"),
        (wave(np.zeros(80, np.int16), kind="AIFF"), "of the format AIFF, which is not read; send WAV"),
        (wave(np.zeros(80, np.int16), 100), "has 100 samples a second; 1000 to 768000 are read"),
        (recording("abcabcabcabc"), "is 1.2 s long, at most 1 s are transcribed"),
    ],
)
def test_what_is_wrong_is_said(recording_: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        samples_of(recording_, RATE, 1)


@pytest.mark.parametrize(("kind", "has_checksums"), [("WAV", False), ("MP3", False), ("FLAC", True), ("OGG", True)])
def test_damage_in_the_middle_costs_an_error_or_some_samples_and_nothing_else(kind: str, has_checksums: bool) -> None:
    whole, read = recording("abcabc", 16000, kind), 0
    for position in range(50, len(whole), 97):
        broken = whole[:position] + b"\xff\x00" * 20 + whole[position + 40 :]
        with suppress(InvalidInput):
            assert 0 < len(samples_of(broken, 16000, 60)) <= 16000
            read += 1
    assert read or has_checksums


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unsupported, match=rf"'{package}', .* pip install 'slipway-serving\[audio\]'"):
        samples_of(b"", RATE, 1)

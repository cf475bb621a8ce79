"""The process in which eSpeak NG's library speaks.

Reads a JSON list. Of names, it writes those that are voices, as JSON; of sentences, what is said: the rate, the number
of samples (int32 each) and the samples, int16. Source: speak_lib.h. Rule: writes nothing where the library is not
installed.
"""

import ctypes
import ctypes.util
import json
import sys
from collections.abc import Iterator
from typing import Any

_SYNCHRONOUS, _STAY = 2, 0x8000  # output to the callback at once; don't end the process where a file is missing
_RATE, _PITCH = 1, 3  # parameters
_WORDS_A_MINUTE, _LOWEST, _HIGHEST = 160, 25, 75
_BY_CHARACTER, _UTF8 = 1, 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> None:
    question = json.loads(sys.stdin.buffer.read())
    library, rate = _library()
    if library is None:
        return
    if all(isinstance(each, str) for each in question):
        there = [name for name in question if library.espeak_SetVoiceByName(name.encode()) == 0]
        sys.stdout.buffer.write(json.dumps(there).encode())
        return
    heard: list[bytes] = []

    def hear(samples: Any, count: int, _: Any) -> int:
        if samples:
            heard.append(ctypes.string_at(samples, 2 * count))
        return 0  # go on

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    for speaker, text, speed, pitch in question:
        heard.clear()
        _say(library, speaker, text, speed, pitch)
        said = b"".join(heard)
        sys.stdout.buffer.write(bytes(ctypes.c_int32(rate)) + bytes(ctypes.c_int32(len(said) // 2)) + said)


def _say(library: Any, speaker: str, text: str, speed: float, pitch: float) -> None:
    written = text.encode()
    library.espeak_SetVoiceByName(speaker.encode())
    library.espeak_SetParameter(_RATE, round(_WORDS_A_MINUTE * speed), 0)
    library.espeak_SetParameter(_PITCH, round(_LOWEST + (_HIGHEST - _LOWEST) * pitch), 0)
    library.espeak_Synth(written, len(written) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)


def _library() -> tuple[Any, int]:
    """And how many samples a second it makes; None where it is not installed."""
    for path, folder in _places():
        try:
            library = ctypes.CDLL(path)
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, folder, _STAY)
            library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # or its breath is another each time
        except (OSError, AttributeError):
            continue
        if rate > 0:
            return library, rate
    return None, 0


def _places() -> Iterator[tuple[str, bytes | None]]:
    """Of libraries, and of their data where they don't know that themselves."""
    try:
        import espeakng_loader

        yield espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()
    except ImportError:
        pass
    system = ctypes.util.find_library("espeak-ng")
    if system:
        yield system, None


if __name__ == "__main__":
    main()

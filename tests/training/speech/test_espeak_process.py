import json
import subprocess
import sys

import numpy as np
import pytest

from training.speech import espeak


def asked(question: object) -> bytes:
    command = [sys.executable, "-m", "training.speech.espeak_process"]
    return subprocess.run(command, input=json.dumps(question).encode(), stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture(autouse=True)
def installed() -> None:
    if espeak.find() is None:
        pytest.skip("eSpeak NG is not installed")


def test_of_names_it_tells_those_that_are_voices() -> None:
    assert json.loads(asked(["en-us", "nobody", "en-gb-scotland+f2"])) == ["en-us", "en-gb-scotland+f2"]


def test_of_sentences_it_says_each() -> None:
    answer = asked([["en-us", "one", 1.0, 0.5], ["en-us", "one two three four five", 1.0, 0.5]])
    lengths = []
    while answer:
        rate, count = np.frombuffer(answer[:8], np.int32).tolist()
        samples = np.frombuffer(answer[8 : 8 + 2 * count], np.int16)
        assert rate == 22050
        assert np.abs(samples).max() > 1000
        lengths.append(count / rate)
        answer = answer[8 + 2 * count :]
    assert 0.2 < lengths[0] < 1 < lengths[1] < 4

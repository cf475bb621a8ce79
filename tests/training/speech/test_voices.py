import pytest

from training.errors import InvalidConfig
from training.speech import espeak, voices


def test_formants_are_always_there() -> None:
    assert voices.find("formants").name == "a formant synthesiser"


def test_the_best_that_is_there_is_taken() -> None:
    assert voices.find("auto").name == (espeak.find() or voices.find("formants")).name


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="must be one of auto, espeak, formants, got 'human'"):
        voices.find("human")

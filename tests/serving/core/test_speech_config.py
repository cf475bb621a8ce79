import pytest
from google.protobuf import text_format

from serving.core.model_config import ModelConfig
from serving.core.speech_config import SpeechConfig, speech_config
from serving.errors import ModelLoadFailed


def config(**parameters: str) -> ModelConfig:
    texts = [
        f'parameters {{ key: "audio.{key}" value {{ string_value: "{each}" }} }}' for key, each in parameters.items()
    ]
    return text_format.Parse(" ".join(texts), ModelConfig())


def test_a_config_says_how_a_model_hears() -> None:
    assert speech_config(config(sample_rate="8000", max_seconds="2.5")) == SpeechConfig(8000, 2.5)
    assert speech_config(config()) == SpeechConfig(0, 0.0)


@pytest.mark.parametrize("wrong", ["many", "0", "-1", "200000"])
def test_what_is_no_rate_is_refused_by_name(wrong: str) -> None:
    words = rf"audio\.sample_rate must be a number of samples a second, 1 to 192000, got '{wrong}'"
    with pytest.raises(ModelLoadFailed, match=words):
        speech_config(config(sample_rate=wrong))


def test_what_is_no_length_is_refused_by_name() -> None:
    with pytest.raises(ModelLoadFailed, match=r"audio\.max_seconds must be a number of seconds above 0"):
        speech_config(config(max_seconds="0"))

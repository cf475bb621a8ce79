"""How a model that transcribes hears, as parameters of its config.pbtxt say.

Rule: what can't be meant is refused as the model is loaded, by the parameter's name.
"""

from dataclasses import dataclass

from serving.core import model_parameters
from serving.core.model_config import ModelConfig

RATE, LONGEST = "audio.sample_rate", "audio.max_seconds"

_MOST_SECONDS, _MOST_SAMPLES = 24 * 3600, 192_000  # of a recording; of a second


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """Samples a second, and the seconds of the longest recording; 0 where it is not said."""

    sample_rate: int
    max_seconds: float


def speech_config(config: ModelConfig) -> SpeechConfig:
    """Raises `ModelLoadFailed`."""
    return SpeechConfig(
        model_parameters.whole_number(config, RATE, _MOST_SAMPLES, "a number of samples a second", least=1) or 0,
        model_parameters.number(config, LONGEST, _MOST_SECONDS, "a number of seconds") or 0.0,
    )

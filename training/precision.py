"""In which numbers the weights of a decoder's ONNX file are kept.

Rule: importing this module imports no torch.
"""

from training.errors import InvalidConfig

FLOAT32, INT8 = "float32", "int8"


def check_weights(weights: str, known: tuple[str, ...] = (FLOAT32, INT8)) -> str:
    """Raises `InvalidConfig`."""
    if weights not in known:
        raise InvalidConfig(f"--weights must be {' or '.join(known)}, got '{weights[:100]}'")
    return weights


def but_for(weights: str) -> str:
    """What a person is told beside that a file answers as PyTorch does."""
    return "" if weights == FLOAT32 else ", but for the rounding that manifest.json tells of"

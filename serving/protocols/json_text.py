"""JSON text to Python values and back, with the NaN and Infinity literals that Triton reads and writes.

Rule: the fast library first; the standard one only for what the fast one refuses.
"""

import json
from typing import Any

import numpy as np
import orjson

from serving.errors import InvalidInput


def loads(text: bytes | memoryview) -> Any:
    """Raises `InvalidInput` saying where the text stops being JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(bytes(text))
    except RecursionError:
        raise InvalidInput("failed to parse the request JSON buffer: it is nested too deeply") from None
    except ValueError as error:  # also text that is not UTF-8, and numbers of thousands of digits
        raise InvalidInput(f"failed to parse the request JSON buffer: {error}") from None


def dumps(document: Any) -> bytes:
    """Compact JSON; numpy arrays become lists."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def dumps_not_finite(document: Any) -> bytes:
    """The same for documents in which some array holds NaN or an infinity, which `orjson` would write as null."""
    return json.dumps(document, default=np.ndarray.tolist, separators=(",", ":")).encode()

"""What a model answered, if all of it is numbers.

Rule: an answer that is not is a failure of its own request, and of no neighbour in its batch.
"""

import numpy as np

from serving.core.datatypes import DTYPES
from serving.core.requests import Arrays
from serving.errors import NotFinite

_BF16 = DTYPES["BF16"]


def finite(outcome: Arrays | Exception) -> Arrays | Exception:
    """The outcome itself, or what takes the place of outputs with a NaN or an infinity."""
    if isinstance(outcome, Exception):
        return outcome
    for name, array in outcome.items():
        if (array.dtype.kind == "f" or array.dtype == _BF16) and not (numbers := np.isfinite(array)).all():
            return NotFinite(
                f"the model answered {np.count_nonzero(~numbers)} values of output '{name}' that are no finite number "
                "(NaN or infinity), which its config refuses (parameters.nan_check)"
            )
    return outcome

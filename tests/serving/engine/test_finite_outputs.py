import numpy as np
import pytest

from serving.core.datatypes import DTYPES
from serving.engine.finite_outputs import finite
from serving.errors import BackendFailed, NotFinite


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_counted_with_its_outputs_name(datatype: str, value: float) -> None:
    outputs = {"fine": np.ones(3, np.float32), "y": np.array([1, value, value], np.float32).astype(DTYPES[datatype])}
    found = finite(outputs)
    assert isinstance(found, NotFinite)
    assert "2 values of output 'y'" in str(found)


def test_numbers_texts_and_nothing_pass() -> None:
    outputs = {
        "numbers": np.array([1.5, -1e38], np.float32),
        "whole": np.array([1, 2]),
        "text": np.array([b"nan"], object),
        "none": np.empty((0, 4), np.float16),
        "switch": np.array([True]),
    }
    assert finite(outputs) is outputs


def test_what_failed_already_has_its_own_reason() -> None:
    failed = BackendFailed("it raised")
    assert finite(failed) is failed

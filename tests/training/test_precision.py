import pytest

from training.errors import InvalidConfig
from training.precision import FLOAT32, INT8, but_for, check_weights


def test_what_is_none_of_them_is_named() -> None:
    assert [check_weights(each) for each in (FLOAT32, INT8)] == ["float32", "int8"]
    with pytest.raises(InvalidConfig, match="--weights must be float32 or int8, got 'int4'"):
        check_weights("int4")


def test_rounding_is_told_of() -> None:
    assert but_for(FLOAT32) == ""
    assert "manifest.json" in but_for(INT8)

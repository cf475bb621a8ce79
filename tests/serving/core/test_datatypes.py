import numpy as np
import pytest
from tritonclient.utils import np_to_triton_dtype

from serving.core import datatypes
from serving.errors import InvalidInput


@pytest.mark.parametrize("name", datatypes.DTYPES)
def test_names_are_the_clients_names(name: str) -> None:
    dtype = datatypes.dtype_of(name)
    assert datatypes.datatype_of(dtype) == name
    assert np_to_triton_dtype(dtype) == name
    assert datatypes.from_config(datatypes.to_config(name)) == name


def test_strings_have_another_name_in_config_files() -> None:
    assert datatypes.to_config("BYTES") == "TYPE_STRING"


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="'FP8' is not one of BOOL, UINT8"):
        datatypes.dtype_of("FP8")
    with pytest.raises(InvalidInput, match="complex64"):
        datatypes.datatype_of(np.dtype(np.complex64))

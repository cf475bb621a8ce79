from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.backends.python_outputs import to_arrays
from serving.core.datatypes import DTYPES
from serving.core.requests import TensorSpec
from serving.errors import BackendFailed

SPECS = {"y": TensorSpec("y", "FP32", (-1, 2)), "text": TensorSpec("text", "BYTES", (-1,))}


def one(datatype: str, value: Any, shape: tuple[int, ...] = (-1,)) -> np.ndarray:
    return to_arrays({"y": value}, {"y": TensorSpec("y", datatype, shape)})["y"]


def test_outputs_come_in_the_configs_order_with_its_datatypes() -> None:
    outputs = to_arrays({"text": ["a", b"\xff"], "y": [[0.5, 1.0]]}, SPECS)
    assert list(outputs) == ["y", "text"]
    assert outputs["y"].dtype == np.float32
    assert outputs["y"].tolist() == [[0.5, 1.0]]
    assert outputs["text"].tolist() == [b"a", b"\xff"]


@given(st.data(), st.sampled_from(sorted(set(DTYPES) - {"BF16", "BYTES"})))
def test_arrays_are_copied_since_a_model_may_use_its_buffer_again(data: st.DataObject, datatype: str) -> None:
    array = data.draw(arrays.arrays(DTYPES[datatype], arrays.array_shapes(min_side=0)))
    copy = one(datatype, array, (-1,) * array.ndim)
    assert copy.tobytes() == array.tobytes()
    assert not np.shares_memory(copy, array)


@given(st.lists(st.binary() | st.text(st.characters(codec="utf-8")), max_size=5))
def test_texts_and_bytes_become_bytes(words: list[bytes | str]) -> None:
    assert one("BYTES", words).tolist() == [word.encode() if isinstance(word, str) else word for word in words]


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.sampled_from(["INT8", "UINT16", "INT32", "UINT64"]))
def test_integers_are_kept_or_refused(values: list[int], datatype: str) -> None:
    limits = np.iinfo(DTYPES[datatype])
    if limits.min <= min(values) and max(values) <= limits.max:
        assert one(datatype, values).tolist() == values
    else:
        with pytest.raises(BackendFailed, match=f"'y' holds -?[0-9]+, which {datatype} can't"):
            one(datatype, values)


def test_zero_bytes_at_the_end_of_an_element_are_kept() -> None:
    assert one("BYTES", [b"a\0\0", "\0"]).tolist() == [b"a\0\0", b"\0"]


def test_numpys_own_text_is_taken() -> None:
    assert one("BYTES", np.array([["a"], ["bc"]]), (-1, 1)).tolist() == [[b"a"], [b"bc"]]


@pytest.mark.parametrize("datatype", sorted(DTYPES))
def test_an_empty_list_is_of_any_type(datatype: str) -> None:
    assert one(datatype, []).dtype == DTYPES[datatype]


def test_floats_may_lose_digits_and_become_infinite() -> None:
    assert one("FP32", [0.1, 1e300]).tolist() == [np.float32(0.1), np.inf]


def test_bfloat16_is_a_float() -> None:
    assert one("BF16", [0.5, 3.0]).dtype == DTYPES["BF16"]
    assert one("FP32", np.array([0.5], DTYPES["BF16"])).tolist() == [0.5]
    with pytest.raises(BackendFailed, match="'y' is of dtype int64, its config says BF16"):
        one("BF16", [1])


def test_outputs_may_be_left_out_where_that_is_allowed() -> None:
    assert list(to_arrays({"text": ["a"]}, SPECS, all_of_them=False)) == ["text"]
    assert to_arrays({}, SPECS, all_of_them=False) == {}


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (None, "it returned nothing, not a dict of outputs"),
        ([1], "it returned a list"),
        ({"y": [[1.0, 2.0]]}, "it returned no output 'text', which its config lists"),
        ({"y": [[1.0, 2.0]], "text": [], "z": 1}, "it returned an output 'z', which its config does not list"),
        ({1: 2}, "it returned an output 1, which"),
        ({"y": [[1, 2]], "text": []}, "'y' is of dtype int64, its config says FP32"),
        ({"y": [["1", "2"]], "text": []}, "'y' is of dtype <U1, its config says FP32"),
        ({"y": [[None, 1.0]], "text": []}, "'y' is of dtype object"),
        ({"y": [[1.0], [1.0, 2.0]], "text": []}, "'y' can't be made an array"),
        ({"y": [1.0, 2.0], "text": []}, r"'y' has shape \[2\], the configuration .* \[-1,2\]"),
        ({"y": [[1.0, 2.0, 3.0]], "text": []}, r"'y' has shape \[1,3\]"),
        ({"y": [[1.0, 2.0]], "text": [1]}, "'text' holds a int, BYTES are bytes or str"),
        ({"y": [[1.0, 2.0]], "text": [["a"], ["b", "c"]]}, "'text' holds a list"),
        ({"y": [[1.0, 2.0]], "text": ["\ud800"]}, "'text' holds a text that is not Unicode"),
        ({"y": [[1.0, 2.0]], "text": "word"}, r"'text' has shape \[\], .* \[-1\]"),
    ],
)
def test_what_does_not_fit_the_config_is_named(returned: Any, reason: str) -> None:
    with pytest.raises(BackendFailed, match=reason):
        to_arrays(returned, SPECS)


@pytest.mark.parametrize(("datatype", "value"), [("INT32", [1.5]), ("INT32", [True]), ("BOOL", [1]), ("FP32", [True])])
def test_kinds_are_not_mixed(datatype: str, value: Any) -> None:
    with pytest.raises(BackendFailed, match="'y' is of dtype"):
        one(datatype, value)


def test_any_mapping_will_do() -> None:
    class Outputs(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            return {"y": [1.0]}[name]

        def __iter__(self) -> Any:
            return iter(["y"])

        def __len__(self) -> int:
            return 1

    assert to_arrays(Outputs(), {"y": TensorSpec("y", "FP32", (1,))})["y"].tolist() == [1.0]


def test_a_tensor_that_numpy_cannot_read_is_a_reason() -> None:
    torch = pytest.importorskip("torch")
    assert one("FP32", torch.ones(2)).tolist() == [1, 1]
    with pytest.raises(BackendFailed, match=r"'y' can't be made an array: .*requires grad"):
        one("FP32", torch.ones(2, requires_grad=True))

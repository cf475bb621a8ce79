import pytest

from serving.core.file_specs import file_input_specs
from serving.core.model_config import complete, parse
from serving.core.ragged_config import ragged_config
from serving.errors import ModelLoadFailed

INPUTS = """input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] allow_ragged_batch: true }
input { name: "y" data_type: TYPE_FP32 dims: 2 } """
OUTPUTS = 'output { name: "z" data_type: TYPE_FP32 dims: -1 } '
TEXT = f'backend: "onnxruntime" max_batch_size: 4 {OUTPUTS}'
OFFSETS = """batch_input { kind: BATCH_ACCUMULATED_ELEMENT_COUNT target_name: ["ends", "ends_again"]
    data_type: TYPE_INT32 source_input: "x" }"""
SHAPES = 'batch_input { kind: BATCH_ITEM_SHAPE target_name: "shapes" data_type: TYPE_FP32 source_input: "x" }'


def test_a_config_without_any_of_it_has_none() -> None:
    assert ragged_config(parse(f'{TEXT} input {{ name: "y" data_type: TYPE_FP32 dims: 2 }}', "m")) is None


def test_the_file_has_ragged_inputs_flat_and_the_batch_inputs_behind_the_others() -> None:
    config = complete(parse(TEXT + INPUTS + OFFSETS + SHAPES, "m"))
    assert [(spec.name, spec.datatype, spec.shape) for spec in file_input_specs(config)] == [
        ("x", "FP32", (-1,)),
        ("y", "FP32", (-1, 2)),
        ("ends", "INT32", (-1,)),
        ("ends_again", "INT32", (-1,)),
        ("shapes", "FP32", (-1, 2)),
    ]


def batch_input(**fields: str) -> str:
    given = {"kind": "BATCH_ELEMENT_COUNT", "target_name": '"n"', "data_type": "TYPE_INT32", "source_input": '"x"'}
    return f"batch_input {{ {' '.join(f'{name}: {value}' for name, value in {**given, **fields}.items())} }}"


def batch_output(**fields: str) -> str:
    given = {"target_name": '"z"', "kind": "BATCH_SCATTER_WITH_INPUT_SHAPE", "source_input": '"x"'}
    return f"batch_output {{ {' '.join(f'{name}: {value}' for name, value in {**given, **fields}.items())} }}"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            batch_input(source_input='["x", "y"]'),
            "batch input kind 'BATCH_ELEMENT_COUNT' expects 1 source input, got 2",
        ),
        (batch_input(source_input='"q"'), "unknown source input name 'q'"),
        (batch_input(data_type="TYPE_INT64"), "batch input data type must be TYPE_INT32 or TYPE_FP32"),
        (batch_input(target_name="[]"), "must specify 'target_name'"),
        (batch_input(target_name='"x"'), "lists an input twice, batch inputs among them: x, y, x"),
        (batch_output(source_input="[]"), "batch output kind 'BATCH_SCATTER_WITH_INPUT_SHAPE' expects 1 source input"),
        (batch_output(source_input='"q"'), "unknown source input name 'q'"),
        (batch_output(target_name='"q"'), "unknown target output name 'q'"),
        ("sequence_batching { }", "use dynamic_batching"),
    ],
)
def test_what_is_wrong_is_said(more: str, message: str) -> None:
    with pytest.raises(ModelLoadFailed, match=message):
        complete(parse(TEXT + INPUTS + more, "m"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("max_batch_size: 4", ""), "need batches; set max_batch_size"),
        (TEXT.replace("onnxruntime", "python"), "are for onnxruntime and pytorch models, this is of kind 'python'"),
    ],
)
def test_where_there_can_be_no_ragged_batch_it_is_said(text: str, message: str) -> None:
    with pytest.raises(ModelLoadFailed, match=message):
        complete(parse(text + INPUTS, "m"))


def test_a_ragged_input_has_one_shape_more_than_enough() -> None:
    with pytest.raises(ModelLoadFailed, match="'x' is ragged or scattered, and can't have a 'reshape' too"):
        complete(parse(TEXT + INPUTS.replace("allow_ragged", "reshape { shape: [-1, 2, 2] } allow_ragged"), "m"))


def test_a_size_that_nothing_gives_is_refused() -> None:
    outputs = OUTPUTS.replace("dims: -1", "dims: [1, 1, -1]")
    with pytest.raises(ModelLoadFailed, match="'z' has more dimensions of an open size than its source 'x'"):
        complete(parse(TEXT.replace(OUTPUTS, outputs) + INPUTS + batch_output(), "m"))

from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.model_config import parse

TENSORS = """backend: "onnxruntime" max_batch_size: 2
input { name: "x" data_type: TYPE_INT32 dims: 1 } output { name: "y" data_type: TYPE_INT32 dims: 1 }"""


def test_an_ordinary_models_file_has_what_callers_see() -> None:
    config = parse(TENSORS, "m")
    assert [str(spec) for spec in file_input_specs(config)] == ["x INT32 [-1,1]"]
    assert [str(spec) for spec in file_output_specs(config)] == ["y INT32 [-1,1]"]


def test_a_file_has_the_shapes_that_reshape_gives() -> None:
    config = parse(TENSORS.replace("dims: 1 } output", "dims: 4 reshape { shape: [ 2, 2 ] } } output"), "m")
    assert [str(spec) for spec in file_input_specs(config)] == ["x INT32 [-1,2,2]"]
    assert [str(spec) for spec in file_output_specs(config)] == ["y INT32 [-1,1]"]


def test_a_sequence_models_file_has_its_controls_and_states_too() -> None:
    config = parse(
        TENSORS
        + """sequence_batching {
            control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }
            state { input_name: "s_in" output_name: "s_out" data_type: TYPE_INT32 dims: 1 }
            state { input_name: "y_in" output_name: "y" data_type: TYPE_INT32 dims: 1 }
        }""",
        "m",
    )
    assert [spec.name for spec in file_input_specs(config)] == ["x", "START", "s_in", "y_in"]
    assert [spec.name for spec in file_output_specs(config)] == ["y", "s_out"]

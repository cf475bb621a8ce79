import os
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from serving.backends import ort
from serving.backends.backend import ORDINARY_MEMORY, ModelInstance, is_steady
from serving.backends.onnx_file import OnnxFile
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.onnx_options import GraphLevel, onnx_options
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.execution import execute_on
from serving.engine.repository import ModelRepository
from serving.errors import InvalidInput, ModelLoadFailed
from tests import tiny_models


@dataclass
class Asked:
    inputs: Arrays
    parameters: Parameters
    rows: int = 1


def load(root: Path, name: str) -> ModelInstance:
    return ort.load(root / name / "1", ModelRepository(root).config(name), "cpu")


def parameter(name: str, value: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def test_texts_are_bytes_outside_and_strings_inside(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    instance = ort.load(tmp_path / "text" / "1", ModelRepository(tmp_path).config("text"), "cpu")
    words = np.array([["é".encode(), b"", b"a\0b\0"]], object)
    assert instance.run({"in": words})["out"].tolist() == [["é".encode(), b"", b"a\0b\0"]]


def with_texts(root: Path, name: str, inputs: str, outputs: str, graph: str) -> ModelInstance:
    """`inputs` and `outputs` as in config.pbtxt, `graph` as in ONNX's own text syntax."""
    text = f"""backend: "onnxruntime" max_batch_size: 8 input [{inputs}] output [{outputs}]"""
    folder = tiny_models.write_config(root, name, text)
    tiny_models.write_onnx(folder / "1" / "model.onnx", graph)
    return load(root, name)


def test_texts_may_go_in_and_numbers_come_out(tmp_path: Path) -> None:
    instance = with_texts(
        *(tmp_path, "same", '{ name: "words" data_type: TYPE_STRING dims: 2 }'),
        '{ name: "equal" data_type: TYPE_BOOL dims: 1 }',
        """g (string[n, 2] words) => (bool[n, 1] equal) {
            first, second = Split <axis = 1, num_outputs = 2> (words)
            equal = Equal(first, second)
        }""",
    )
    equal = instance.run({"words": np.array([["é".encode(), "é".encode()], [b"a", b"b"]], object)})["equal"]
    assert (equal.dtype, equal.tolist()) == (np.bool_, [[True], [False]])
    with pytest.raises(InvalidInput, match="input 'words' holds bytes that are not UTF-8"):
        instance.run({"words": np.array([[b"fine", b"\xff"]], object)})


def test_numbers_may_go_in_and_texts_come_out(tmp_path: Path) -> None:
    instance = with_texts(
        *(tmp_path, "written", '{ name: "x" data_type: TYPE_INT64 dims: 2 }'),
        '{ name: "words" data_type: TYPE_STRING dims: 2 }',
        "g (int64[n, 2] x) => (string[n, 2] words) { words = Cast <to = 8> (x) }",
    )
    assert instance.run({"x": np.array([[1, 20]])})["words"].tolist() == [[b"1", b"20"]]


def test_texts_and_numbers_may_go_in_and_come_out_together(tmp_path: Path) -> None:
    instance = with_texts(
        *(tmp_path, "both"),
        '{ name: "words" data_type: TYPE_STRING dims: 1 }, { name: "x" data_type: TYPE_FP32 dims: 1 }',
        '{ name: "same" data_type: TYPE_STRING dims: 1 }, { name: "y" data_type: TYPE_FP32 dims: 1 }',
        """g (string[n, 1] words, float[n, 1] x) => (string[n, 1] same, float[n, 1] y) {
            same = Identity(words)
            y = Add(x, x)
        }""",
    )
    outputs = instance.run({"words": np.array([["é".encode()]], object), "x": np.float32([[2]])})
    assert outputs["same"].tolist() == [["é".encode()]]
    assert (outputs["y"].dtype, outputs["y"].tolist()) == (np.float32, [[4]])


def test_how_long_a_model_of_texts_takes_is_not_known(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    tiny_models.add_identity(tmp_path, "numbers", "TYPE_FP32", "float")
    assert [is_steady(load(tmp_path, name)) for name in ("text", "numbers")] == [False, True]


def test_bytes_that_are_no_text_are_the_callers_mistake(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    instance = ort.load(tmp_path / "text" / "1", ModelRepository(tmp_path).config("text"), "cpu")
    with pytest.raises(InvalidInput, match="input 'in' holds bytes that are not UTF-8"):
        instance.run({"in": np.array([[b"fine", b"\xff"]], object)})


def test_a_thread_count_that_is_no_number_is_a_reason(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra='parameters { key: "intra_op_thread_count" value { string_value: "two" } }')
    with pytest.raises(ModelLoadFailed, match="intra_op_thread_count must be a number"):
        ort.load(tmp_path / "double" / "1", ModelRepository(tmp_path).config("double"), "cpu")


def test_tensors_that_the_protocol_cannot_carry_are_a_reason(tmp_path: Path) -> None:
    folder = tiny_models.write_config(
        tmp_path,
        "seq",
        """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: 1 }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (float[1] x) => (seq(float[1]) y) { y = SequenceConstruct(x) }"
    )
    with pytest.raises(ModelLoadFailed, match=r"'y' is a seq\(tensor\(float\)\)"):
        ort.load(folder / "1", ModelRepository(tmp_path).config("seq"), "cpu")


def test_the_runtime_is_told_to_upload_nothing_before_it_is_imported(tmp_path: Path) -> None:
    """Where it has nowhere to keep its device id it says so, unless it was told in time."""
    tiny_models.add_double(tmp_path)
    code = f"""
import pathlib
from serving.backends import ort
from serving.backends.backend import ORDINARY_MEMORY, ModelInstance
from serving.backends.onnx_file import OnnxFile
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.onnx_options import GraphLevel, onnx_options
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.execution import execute_on
from serving.engine.repository import ModelRepository
root = pathlib.Path({str(tmp_path)!r})
ort.load(root / "double" / "1", ModelRepository(root).config("double"), "cpu")
"""
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env={**environment, "HOME": "/proc/none"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def with_a_default(root: Path, optional: str, graph: str = "g (float[2] x, float[2] bias) => (float[2] y)") -> Path:
    """y = x + bias, whose graph may have a value for bias."""
    folder = tiny_models.write_config(
        root,
        "biased",
        f"""backend: "onnxruntime" input [{{ name: "x" data_type: TYPE_FP32 dims: 2 }},
        {{ name: "bias" data_type: TYPE_FP32 dims: 2 {optional} }}]
        output {{ name: "y" data_type: TYPE_FP32 dims: 2 }}""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", graph + "{ y = Add(x, bias) }", bias=np.float32([10, 20]))
    return folder / "1"


@pytest.mark.parametrize("optional", ["optional: true", ""])
def test_an_input_that_the_graph_has_a_value_for_may_be_fed(tmp_path: Path, optional: str) -> None:
    directory = with_a_default(tmp_path, optional)
    instance = ort.load(directory, ModelRepository(tmp_path).config("biased"), "cpu")
    assert [spec.name for spec in instance.inputs] == ["x", "bias"]
    assert instance.run({"x": np.float32([1, 2])})["y"].tolist() == [11, 22]
    assert instance.run({"x": np.float32([1, 2]), "bias": np.float32([0, 1])})["y"].tolist() == [1, 3]


def test_an_input_that_the_graph_has_no_value_for_cannot_be_optional(tmp_path: Path) -> None:
    directory = with_a_default(tmp_path, "optional: true")
    tiny_models.write_onnx(
        directory / "model.onnx", "g (float[2] x, float[2] bias) => (float[2] y) { y = Add(x, bias) }"
    )
    with pytest.raises(ModelLoadFailed, match="optional input 'bias' has no default in the file"):
        ort.load(directory, ModelRepository(tmp_path).config("biased"), "cpu")


@pytest.mark.parametrize(
    "extra",
    [
        parameter("execution_mode", "1") + parameter("inter_op_thread_count", "2"),
        parameter("enable_mem_arena", "0") + parameter("enable_mem_pattern", "0"),
        parameter("memory.enable_memory_arena_shrinkage", "cpu:0"),
        "optimization { graph { level: -1 } }",
        "optimization { graph { level: 1 } }",
        "optimization { graph { level: 2 } }",
    ],
)
def test_a_model_computes_the_same_whatever_it_sets(tmp_path: Path, extra: str) -> None:
    tiny_models.add_double(tmp_path, extra=extra)
    assert load(tmp_path, "double").run({"x": np.ones((1, 4), np.float32)})["y"].tolist() == [[2, 2, 2, 2]]


def test_memory_of_a_device_that_is_not_there_cannot_be_given_back(tmp_path: Path) -> None:
    """The one proof that the parameter reaches the runtime."""
    tiny_models.add_double(tmp_path, extra=parameter("memory.enable_memory_arena_shrinkage", "gpu:0"))
    with pytest.raises(Exception, match="arena"):
        load(tmp_path, "double").run({"x": np.ones((1, 4), np.float32)})


def own_threads() -> int:
    """Those of ONNX Runtime too, which `threading` does not know."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def test_threads_are_those_that_were_asked_for(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "three", extra=parameter("intra_op_thread_count", "3"))
    tiny_models.add_double(tmp_path, "one", extra=parameter("intra_op_thread_count", "1"))
    before = own_threads()
    instances = [load(tmp_path, "three"), load(tmp_path, "one")]
    assert own_threads() == before + 2, "the caller's is one of the three"
    assert len(instances) == 2


def test_an_accelerator_that_this_runtime_does_not_have_is_a_reason(tmp_path: Path) -> None:
    tiny_models.add_double(
        tmp_path,
        extra='optimization { execution_accelerators { cpu_execution_accelerator { name: "openvino" } } }',
    )
    if "OpenVINOExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("it has it")
    with pytest.raises(
        ModelLoadFailed, match=r"execution_accelerators needs OpenVINOExecutionProvider.*it has .*CPUExecutionProvider"
    ):
        load(tmp_path, "double")


def test_one_session_is_run_by_several_threads_at_once(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    instance = load(tmp_path, "double")
    wrong: list[int] = []

    def run(number: int) -> None:
        array = np.full((3, 4), number, np.float32)
        wrong.extend(number for _ in range(200) if not (instance.run({"x": array})["y"] == 2 * number).all())

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_weights_may_lie_in_a_file_beside_the_model(tmp_path: Path) -> None:
    tiny_models.add_table(tmp_path)
    assert load(tmp_path, "table").run({"index": np.array([[4095]])})["entry"].tolist() == [[4095]]


def test_weights_of_inner_graphs_too(tmp_path: Path) -> None:
    folder = tiny_models.write_config(
        tmp_path,
        "inner",
        """backend: "onnxruntime"
        input [{ name: "x" data_type: TYPE_FP32 dims: 4 }, { name: "c" data_type: TYPE_BOOL dims: 1 }]
        output { name: "y" data_type: TYPE_FP32 dims: 4 }""",
    )
    model = onnx.parser.parse_model(
        f"""{tiny_models.HEADER}\ng (float[4] x, bool[1] c) => (float[4] y) {{
            y = If(c) <then_branch = a () => (float[4] q) {{ q = Add(x, w) }},
                       else_branch = b () => (float[4] r) {{ r = Identity(x) }}>
        }}"""
    )
    weights = np.arange(4, dtype=np.float32)
    model.graph.node[0].attribute[0].g.initializer.append(tiny_models.external("w", weights, "w.bin"))
    (folder / "1").mkdir()
    (folder / "1" / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "1" / "w.bin").write_bytes(weights.tobytes())
    outputs = load(tmp_path, "inner").run({"x": np.ones(4, np.float32), "c": np.array([True])})
    assert outputs["y"].tolist() == [1, 2, 3, 4]


def test_a_file_of_weights_that_is_too_short_is_a_reason(tmp_path: Path) -> None:
    directory = tiny_models.add_table(tmp_path)
    os.truncate(directory / "weights.bin", 100)
    with pytest.raises(ModelLoadFailed, match="table"):
        load(tmp_path, "table")


def test_the_runtime_looks_for_no_weights_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would for those that it was given no memory for, in the working directory."""
    tiny_models.add_table(tmp_path)
    monkeypatch.chdir(tmp_path / "table" / "1")
    file, options = OnnxFile(Path("model.onnx").read_bytes(), {}), onnx_options(ModelConfig())
    options = replace(options, graph_level=GraphLevel.DISABLE_ALL)
    with pytest.raises(ModelLoadFailed, match="does not exist"):
        ort.open_session("model.onnx", file, options, [("CPUExecutionProvider", {})])


def test_a_file_of_weights_may_be_cut_short_while_its_model_serves(tmp_path: Path) -> None:
    """In a process of its own, which a mapped file would take with it."""
    tiny_models.add_table(tmp_path)
    code = f"""
import os, pathlib
import numpy as np
from serving.backends import ort
from serving.engine.repository import ModelRepository
root = pathlib.Path({str(tmp_path)!r})
instance = ort.load(root / "table" / "1", ModelRepository(root).config("table"), "cpu")
os.truncate(root / "table" / "1" / "weights.bin", 0)
os.truncate(root / "table" / "1" / "model.onnx", 0)
assert instance.run({{"index": np.array([[4095]])}})["entry"].tolist() == [[4095]]
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def changed(root: Path, **fields: int) -> None:
    path = root / "double" / "1" / "model.onnx"
    model = onnx.load(path)
    for field, value in fields.items():
        setattr(model if field == "ir_version" else model.opset_import[0], field, value)
    path.write_bytes(model.SerializeToString())


def test_a_model_for_a_newer_runtime_is_told_so(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    changed(tmp_path, ir_version=99)
    with pytest.raises(
        ModelLoadFailed, match=r"it is of ONNX IR version 99, and ONNX Runtime .* reads those up to \d+"
    ):
        load(tmp_path, "double")
    changed(tmp_path, ir_version=10, version=99)
    with pytest.raises(
        ModelLoadFailed, match=r"it uses opset 99 of ai.onnx, and ONNX Runtime .* knows those up to \d+"
    ):
        load(tmp_path, "double")


@pytest.mark.parametrize("graph", ["y = Identity(x)", "y = Reshape(x, [n, -1])", "t = Relu(x) y = Identity(t)"])
def test_outputs_lie_in_memory_of_their_own(graph: str, tmp_path: Path) -> None:
    """So that its inputs' may be used again while answers are on their way."""
    tiny_models.add_double(tmp_path)
    shape = np.array([0, -1], np.int64)
    tiny_models.write_onnx(
        tmp_path / "double" / "1" / "model.onnx",
        f"g (float[n, 4] x) => (float[n, 4] y) {{ {graph.replace('[n, -1]', 'shape')} }}",
        **({"shape": shape} if "Reshape" in graph else {}),
    )
    x = np.ones((3, 4), np.float32)
    y = load(tmp_path, "double").run({"x": x})["y"]
    x[...] = 2
    assert y.tolist() == [[1] * 4] * 3


def test_answers_of_large_batches_outlive_the_next_batch(tmp_path: Path) -> None:
    """Which are put together in the same memory, as no batch of a few bytes is."""
    tiny_models.add_identity(tmp_path, "echo", "TYPE_FP32", "float")
    config = model_config.complete(ModelRepository(tmp_path).config("echo"))
    execute = execute_on(load(tmp_path, "echo"), config)

    def answers(value: float) -> list[np.ndarray]:
        rows = np.full((1, ORDINARY_MEMORY.least // 8), value, np.float32)
        run = execute([Asked({"in": rows}, NO_PARAMETERS), Asked({"in": rows + 1}, NO_PARAMETERS)])
        return [outcome["out"] for outcome in run.outcomes]

    first, second = answers(1), answers(5)
    assert [array.max() for array in (*first, *second)] == [1, 2, 5, 6]
    assert [array.min() for array in (*first, *second)] == [1, 2, 5, 6]

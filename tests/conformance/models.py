"""The models that the protocol's official example programs ask for, and one identity model per datatype."""

from pathlib import Path

import numpy as np

from serving.core.datatypes import DTYPES, to_config
from tests.tiny_models import write_config, write_onnx

ONNX_TYPES = {
    **{name: name.lower() for name in DTYPES},
    "FP16": "float16",
    "BF16": "bfloat16",
    "FP32": "float",
    "FP64": "double",
    "BYTES": "string",
}

SEQUENCE_CONTROLS = """
    control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }
    control_input { name: "READY" control { kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] } }
"""
END_AND_ID = """
    control_input { name: "END" control { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } }
    control_input { name: "CORRID" control { kind: CONTROL_SEQUENCE_CORRID data_type: %s } }
"""


def build(root: Path) -> None:
    add_add_sub(root, "simple", "INT32")
    add_add_sub(root, "simple_int8", "INT8")
    add_add_sub(root, "simple_string", "BYTES")
    add_identity(root, "simple_identity", "BYTES", "INPUT0", "OUTPUT0")
    add_sequence(root)
    add_dyna_sequence(root)
    add_string_dyna_sequence(root)
    add_densenet(root)
    add_repeat(root)
    for datatype in DTYPES:
        add_identity(root, f"identity_{datatype.lower()}", datatype, "IN", "OUT")


def add_add_sub(root: Path, name: str, datatype: str) -> None:
    """OUTPUT0 is the sum and OUTPUT1 the difference of two rows of 16; text holds decimal numbers."""
    config_type, onnx_type = to_config(datatype), ONNX_TYPES[datatype]
    folder = write_config(
        root,
        name,
        f"""platform: "onnxruntime_onnx" max_batch_size: 8
        input [{{ name: "INPUT0" data_type: {config_type} dims: 16 }},
               {{ name: "INPUT1" data_type: {config_type} dims: 16 }}]
        output [{{ name: "OUTPUT0" data_type: {config_type} dims: 16 label_filename: "labels.txt" }},
                {{ name: "OUTPUT1" data_type: {config_type} dims: 16 }}]""",
    )
    (folder / "labels.txt").write_text("".join(f"label{n}\n" for n in range(16)))
    number = {"INT32": 6, "INT8": 3, "BYTES": 8}[datatype]
    write_onnx(
        folder / "1" / "model.onnx",
        f"""g ({onnx_type}[n, 16] INPUT0, {onnx_type}[n, 16] INPUT1)
            => ({onnx_type}[n, 16] OUTPUT0, {onnx_type}[n, 16] OUTPUT1) {{
            a = Cast <to = 6> (INPUT0)
            b = Cast <to = 6> (INPUT1)
            sum = Add(a, b)
            difference = Sub(a, b)
            OUTPUT0 = Cast <to = {number}> (sum)
            OUTPUT1 = Cast <to = {number}> (difference)
        }}""",
    )


def add_identity(root: Path, name: str, datatype: str, input_name: str, output_name: str) -> None:
    """Rows of any length."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "{input_name}" data_type: {to_config(datatype)} dims: -1 }}
        output {{ name: "{output_name}" data_type: {to_config(datatype)} dims: -1 }}""",
    )
    kind = ONNX_TYPES[datatype]
    write_onnx(
        folder / "1" / "model.onnx",
        f"g ({kind}[n, m] {input_name}) => ({kind}[n, m] {output_name}) {{ {output_name} = Identity({input_name}) }}",
    )


def add_sequence(root: Path) -> None:
    """INPUT + 1 on a sequence's first request, INPUT on the others; direct strategy."""
    folder = write_config(
        root,
        "simple_sequence",
        f"""platform: "onnxruntime_onnx" max_batch_size: 8
        sequence_batching {{ max_sequence_idle_microseconds: 5000000 {SEQUENCE_CONTROLS} }}
        input {{ name: "INPUT" data_type: TYPE_INT32 dims: 1 }}
        output {{ name: "OUTPUT" data_type: TYPE_INT32 dims: 1 }} instance_group {{ kind: KIND_CPU }}""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int32[n, 1] INPUT, int32[n, 1] START, int32[n, 1] READY) => (int32[n, 1] OUTPUT) {
            first = Add(INPUT, START)
            OUTPUT = Mul(READY, first)
        }""",
    )


def add_dyna_sequence(root: Path) -> None:
    """As `simple_sequence`, and + CORRID on the last request; oldest strategy, two instances."""
    folder = write_config(
        root,
        "simple_dyna_sequence",
        f"""platform: "onnxruntime_onnx" max_batch_size: 8
        sequence_batching {{
            max_sequence_idle_microseconds: 10000000
            oldest {{ max_candidate_sequences: 1024 max_queue_delay_microseconds: 10000 }}
            {SEQUENCE_CONTROLS} {END_AND_ID % "TYPE_UINT64"}
        }}
        input {{ name: "INPUT" data_type: TYPE_INT32 dims: 1 }}
        output {{ name: "OUTPUT" data_type: TYPE_INT32 dims: 1 }} instance_group {{ count: 2 kind: KIND_CPU }}""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int32[n, 1] INPUT, int32[n, 1] START, int32[n, 1] END, int32[n, 1] READY, uint64[n, 1] CORRID)
            => (int32[n, 1] OUTPUT) {
            id = Cast <to = 6> (CORRID)
            first = Add(INPUT, START)
            last = Mul(END, id)
            sum = Add(first, last)
            OUTPUT = Mul(READY, sum)
        }""",
    )


def add_string_dyna_sequence(root: Path) -> None:
    """The sum of a sequence's inputs so far, and + its id, which is text, on the last request."""
    folder = write_config(
        root,
        "simple_string_dyna_sequence",
        f"""backend: "python" max_batch_size: 8
        sequence_batching {{ oldest {{ max_candidate_sequences: 4 }} {SEQUENCE_CONTROLS} {END_AND_ID % "TYPE_STRING"} }}
        input {{ name: "INPUT" data_type: TYPE_INT32 dims: 1 }}
        output {{ name: "OUTPUT" data_type: TYPE_INT32 dims: 1 }}""",
    )
    (folder / "1").mkdir()
    (folder / "1" / "model.py").write_text("""
import numpy as np

class Model:
    def load(self, context):
        self.sums = {}

    def execute(self, request):
        outputs = []
        rows = zip(*(request.inputs[name].ravel() for name in ("INPUT", "START", "END", "CORRID")))
        for value, start, end, sequence in rows:
            total = int(value) + (0 if start else self.sums[sequence])
            self.sums[sequence] = total
            outputs.append(total + int(sequence) if end else total)
        return {"OUTPUT": np.int32(outputs).reshape(-1, 1)}
""")


def add_densenet(root: Path) -> None:
    """The inputs and outputs of the image examples' model; its best class is the one that a pixel's value names."""
    folder = write_config(
        root,
        "densenet_onnx",
        """platform: "onnxruntime_onnx" max_batch_size: 0
        input { name: "data_0" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ] }
        output { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] }""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        """g (float[3, 224, 224] data_0) => (float[1000] fc6_1) {
            pixels = Reshape(data_0, flat)
            first = Slice(pixels, zero, thousand)
            fc6_1 = Identity(first)
        }""",
        flat=np.array([-1], np.int64),
        zero=np.array([0], np.int64),
        thousand=np.array([1000], np.int64),
    )


def add_repeat(root: Path) -> None:
    """Answers once per element of IN, waiting its DELAY in milliseconds before each, and WAIT at the end."""
    folder = write_config(
        root,
        "repeat_int32",
        """backend: "python" max_batch_size: 0 model_transaction_policy { decoupled: true }
        input [{ name: "IN" data_type: TYPE_INT32 dims: -1 }, { name: "DELAY" data_type: TYPE_UINT32 dims: -1 },
               { name: "WAIT" data_type: TYPE_UINT32 dims: 1 }]
        output [{ name: "OUT" data_type: TYPE_INT32 dims: 1 }, { name: "IDX" data_type: TYPE_UINT32 dims: 1 }]""",
    )
    (folder / "1").mkdir()
    (folder / "1" / "model.py").write_text("""
import asyncio
import numpy as np

class Model:
    async def execute(self, request):
        values, delays, wait = (request.inputs[name] for name in ("IN", "DELAY", "WAIT"))
        for index, (value, delay) in enumerate(zip(values, delays)):
            await asyncio.sleep(int(delay) / 1000)
            yield {"OUT": np.int32([value]), "IDX": np.uint32([index])}
        await asyncio.sleep(int(wait[0]) / 1000)
""")

"""Real models of a few nodes, made on the fly, and repositories of them."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import parser

from serving.core import columns

HEADER = '<ir_version: 10, opset_import: ["" : 21]>'


def write_onnx(path: Path, graph: str, **constants: np.ndarray) -> None:
    """`graph` in ONNX's own text syntax; `constants` become its initializers."""
    model = parser.parse_model(f"{HEADER}\n{graph}")
    for name, array in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def external(name: str, array: np.ndarray, location: str, offset: int = 0) -> onnx.TensorProto:
    """A constant whose bytes are in the file `location`, which is not written here."""
    tensor = onnx.TensorProto(
        name=name,
        dims=array.shape,
        data_type=onnx.helper.np_dtype_to_tensor_dtype(array.dtype),
        data_location=onnx.TensorProto.EXTERNAL,
    )
    for key, value in {"location": location, "offset": offset, "length": array.nbytes}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def add_table(root: Path, name: str = "table", location: str = "weights.bin") -> Path:
    """entry = table[index], the table's 4096 numbers in a file of their own; its version's folder."""
    folder = write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8
        input { name: "index" data_type: TYPE_INT64 dims: 1 } output { name: "entry" data_type: TYPE_FP32 dims: 1 }
        dynamic_batching { }""",
    )
    table = np.arange(4096, dtype=np.float32)
    model = parser.parse_model(
        f"{HEADER}\ng (int64[n, 1] index) => (float[n, 1] entry) {{ entry = Gather <axis=0> (table, index) }}"
    )
    model.graph.initializer.append(external("table", table, location))
    (folder / "1").mkdir()
    (folder / "1" / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "1" / "weights.bin").write_bytes(table.tobytes())
    return folder / "1"


def write_config(root: Path, name: str, text: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.pbtxt").write_text(text)
    return folder


def add_double(root: Path, name: str = "double", max_batch_size: int = 8, extra: str = "dynamic_batching { }") -> None:
    """y = 2 x over rows of 4 floats."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: {max_batch_size}
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        {extra}""",
    )
    write_onnx(folder / "1" / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Add(x, x) }")


ROW = np.ones((1, 4), np.float32)


def add_ensemble(
    root: Path, name: str, steps: str, extra: str = "", max_batch_size: int = 8, names: str = "x z y"
) -> Path:
    """From x to y, rows of 4 floats. `steps` such as `double:x>t double/1:t>y`: model (and version), the tensors that
    it reads and the tensor that it writes; `names` are the models' own for them."""
    io = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""
    blocks = "".join(_step(step, names.split()) for step in steps.split())
    text = f"""platform: "ensemble" max_batch_size: {max_batch_size} {io} ensemble_scheduling {{ {blocks} }} {extra}"""
    return write_config(root, name, text)


def add_sum(root: Path, name: str = "sum") -> None:
    """y = x + z over rows of 4 floats."""
    folder = write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8
        input [{ name: "x" data_type: TYPE_FP32 dims: 4 }, { name: "z" data_type: TYPE_FP32 dims: 4 }]
        output { name: "y" data_type: TYPE_FP32 dims: 4 } dynamic_batching { }""",
    )
    write_onnx(folder / "1" / "model.onnx", "g (float[n, 4] x, float[n, 4] z) => (float[n, 4] y) { y = Add(x, z) }")


def _step(text: str, names: list[str]) -> str:
    model, _, tensors = text.partition(":")
    path, _, version = model.rpartition("/") if model.rpartition("/")[2].isdecimal() else (model, "", "-1")
    reads, _, writes = tensors.partition(">")
    *inputs, output = names
    maps = [
        f'input_map {{ key: "{key}" value: "{value}" }}' for key, value in zip(inputs, reads.split(","), strict=False)
    ]
    return f"""step {{ model_name: "{path}" model_version: {version} {" ".join(maps)}
    output_map {{ key: "{output}" value: "{writes}" }} }}"""


def add_add_sub(root: Path, name: str = "simple") -> None:
    """Triton's own example: the sum and the difference of two rows of 16 integers."""
    folder = write_config(
        root,
        name,
        """platform: "onnxruntime_onnx" max_batch_size: 8
        input [{ name: "INPUT0" data_type: TYPE_INT32 dims: 16 }, { name: "INPUT1" data_type: TYPE_INT32 dims: 16 }]
        output [{ name: "OUTPUT0" data_type: TYPE_INT32 dims: 16 }, { name: "OUTPUT1" data_type: TYPE_INT32 dims: 16 }]
        dynamic_batching { }""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int32[n, 16] INPUT0, int32[n, 16] INPUT1) => (int32[n, 16] OUTPUT0, int32[n, 16] OUTPUT1) {
            OUTPUT0 = Add(INPUT0, INPUT1)
            OUTPUT1 = Sub(INPUT0, INPUT1)
        }""",
    )


def add_identity(root: Path, name: str, config_type: str, onnx_type: str) -> None:
    """out = in, for rows of any length."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "in" data_type: {config_type} dims: -1 }}
        output {{ name: "out" data_type: {config_type} dims: -1 }}
        dynamic_batching {{ }}""",
    )
    write_onnx(
        folder / "1" / "model.onnx", f"g ({onnx_type}[n, m] in) => ({onnx_type}[n, m] out) {{ out = Identity(in) }}"
    )


def add_lookup(root: Path, name: str = "lookup") -> None:
    """row = table[index] over a table of 3 entries; an index outside it makes the model itself fail."""
    folder = write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8
        input { name: "index" data_type: TYPE_INT64 dims: 1 } output { name: "entry" data_type: TYPE_FP32 dims: 1 }
        dynamic_batching { max_queue_delay_microseconds: 50000 }""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        "g (int64[n, 1] index) => (float[n, 1] entry) { entry = Gather <axis=0> (table, index) }",
        table=np.array([10.0, 20.0, 30.0], np.float32),
    )


def add_brightness(root: Path, name: str = "brightness") -> None:
    """An image classifier: scores of `dark` and `bright` for a grey picture of 4x4 pixels."""
    folder = write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8
        input { name: "image" data_type: TYPE_FP32 dims: [ 1, 4, 4 ] }
        output { name: "scores" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "labels.txt" }
        dynamic_batching { }""",
    )
    (folder / "labels.txt").write_text("dark\nbright\n")
    write_onnx(
        folder / "1" / "model.onnx",
        """g (float[n, 1, 4, 4] image) => (float[n, 2] scores) {
            flat = Flatten(image)
            mean = ReduceMean(flat, axes)
            bright = Div(mean, full)
            dark = Sub(one, bright)
            scores = Concat <axis=1> (dark, bright)
        }""",
        axes=np.array([1], np.int64),
        full=np.array(255, np.float32),
        one=np.array(1, np.float32),
    )


def add_rows(root: Path, name: str = "rows", versions: str = "1", extra: str = "dynamic_batching { }") -> None:
    """A table's classifier, whose scores are the row that it sees: `age`, and 0 for red and 1 for blue; -5 for what is
    missing. In the columns.json of version 1 red comes first, in those of others blue."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 4
        input {{ name: "row" data_type: TYPE_FP32 dims: 2 }}
        output {{ name: "seen" data_type: TYPE_FP32 dims: 2 label_filename: "labels.txt" }} {extra}""",
    )
    (folder / "labels.txt").write_text("age\ncolour\n")
    for version in versions.split():
        colours, factor, offset = (["red", "blue"], 1, 0) if version == "1" else (["blue", "red"], -1, 1)
        write_onnx(
            folder / version / "model.onnx",
            """g (float[n, 2] row) => (float[n, 2] seen) {
                scaled = Mul(row, factors)
                numbers = Add(scaled, offsets)
                is_missing = IsNaN(row)
                seen = Where(is_missing, missing, numbers)
            }""",
            factors=np.array([1, factor], np.float32),
            offsets=np.array([0, offset], np.float32),
            missing=np.array(-5, np.float32),
        )
        table = (columns.number("age"), columns.category("colour", colours))
        (folder / version / columns.FILENAME).write_bytes(columns.encode(table))


class Affine(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * 2 + 1, x.sum(dim=1, keepdim=True)


def add_torchscript(root: Path, name: str = "affine") -> None:
    """y = 2 x + 1 and total = the row's sum, over rows of 3 floats."""
    folder = write_config(
        root,
        name,
        """backend: "pytorch" max_batch_size: 8
        input { name: "x" data_type: TYPE_FP32 dims: 3 }
        output [{ name: "y" data_type: TYPE_FP32 dims: 3 }, { name: "total" data_type: TYPE_FP32 dims: 1 }]
        dynamic_batching { }""",
    )
    (folder / "1").mkdir()
    torch.jit.trace(Affine(), torch.zeros(2, 3)).save(folder / "1" / "model.pt")


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool((x < 2).all()):
            x = x * 1
        return x


def add_endless(root: Path, name: str = "endless") -> None:
    """Runs for ever on numbers below 2."""
    folder = write_config(
        root,
        name,
        """backend: "pytorch" input { name: "x" data_type: TYPE_FP32 dims: 1 }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
    )
    (folder / "1").mkdir()
    torch.jit.script(Endless()).save(folder / "1" / "model.pt")


def add_ragged(root: Path, name: str = "ragged", extra: str = "dynamic_batching { }") -> None:
    """Rows of any length, in one flat row to the model: total = their sum, twice = 2 x, tall = how long the longest is.

    The requests of a batch tell themselves apart by `ends`, which callers don't see.
    """
    write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: -1 allow_ragged_batch: true }}
        output {{ name: "total" data_type: TYPE_FP32 dims: 1 }}
        output {{ name: "twice" data_type: TYPE_FP32 dims: -1 }}
        output {{ name: "tall" data_type: TYPE_INT64 dims: 1 }}
        batch_input {{ kind: BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO target_name: "ends" data_type: TYPE_INT32
                       source_input: "x" }}
        batch_input {{ kind: BATCH_MAX_ELEMENT_COUNT_AS_SHAPE target_name: "longest" data_type: TYPE_FP32
                       source_input: "x" }}
        batch_output {{ kind: BATCH_SCATTER_WITH_INPUT_SHAPE target_name: "twice" source_input: "x" }} {extra}""",
    )
    write_onnx(
        root / name / "1" / "model.onnx",
        """g (float[n] x, int32[m] ends, float[k] longest)
             => (float[b, 1] total, float[n] twice, int64[b, 1] tall) {
             sums = CumSum(x, axis)
             from_nothing = Concat <axis = 0> (nothing, sums)
             at_ends = Gather(from_nothing, ends)
             before = Slice(at_ends, zero, minus_one)
             after = Slice(at_ends, one, far)
             flat_total = Sub(after, before)
             total = Unsqueeze(flat_total, one)
             twice = Add(x, x)
             length = Shape(longest)
             shape = Shape(total)
             tall = Expand(length, shape)
        }""",
        axis=np.array(0),
        nothing=np.zeros(1, np.float32),
        zero=np.array([0]),
        one=np.array([1]),
        minus_one=np.array([-1]),
        far=np.array([2**31]),
    )


def add_drawing(root: Path, name: str = "drawing", max_batch_size: int = 4) -> None:
    """image = 100 + 20 noise + 50 label."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: {max_batch_size}
        input [ {{ name: "label" data_type: TYPE_INT64 dims: 1 }},
                {{ name: "noise" data_type: TYPE_FP32 dims: [1, 4, 4] }} ]
        output {{ name: "image" data_type: TYPE_FP32 dims: [1, 4, 4] label_filename: "labels.txt" }}
        dynamic_batching {{ }}""",
    )
    (folder / "labels.txt").write_text("pale\nbright, white\n")
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int64[n, 1] label, float[n, 1, 4, 4] noise) => (float[n, 1, 4, 4] image) {
            number = Cast <to = 1> (label)
            light = Mul(number, fifty)
            plane = Unsqueeze(light, axes)
            grain = Mul(noise, twenty)
            paper = Add(grain, hundred)
            image = Add(paper, plane)
        }""",
        fifty=np.float32(50),
        twenty=np.float32(20),
        hundred=np.float32(100),
        axes=np.array([2, 3]),
    )


CHART = np.array([0.4, 0.3, 0.2, 0.08, 0.02], np.float32)
DRINKS = ["tea", "coffee", "juice", "water", "milk"]


def add_chart(root: Path) -> None:
    """What is liked most of what a user does not have, three at most."""
    folder = write_config(
        root,
        "chart",
        """backend: "onnxruntime" max_batch_size: 8
        input { name: "history" data_type: TYPE_INT64 dims: 2 }
        output [ { name: "items" data_type: TYPE_INT64 dims: 3 label_filename: "labels.txt" },
                 { name: "scores" data_type: TYPE_FP32 dims: 3 } ]
        dynamic_batching { }""",
    )
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in DRINKS))
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int64[n, 2] history) => (int64[n, 3] items, float[n, 3] scores) {
            places = Add(history, one)
            had = OneHot(places, depth, values)
            any = ReduceMax <keepdims = 0> (had, axes)
            known = Slice(any, begin, end, axes)
            new = Sub(unit, known)
            likings = Mul(new, chart)
            scores, items = TopK(likings, k)
        }""",
        one=np.array(1),
        depth=np.array(6),
        values=np.array([0, 1], np.float32),
        axes=np.array([1]),
        begin=np.array([1]),
        end=np.array([6]),
        unit=np.float32(1),
        chart=CHART,
        k=np.array([3]),
    )


class Spot(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        bright = image.amax(dim=1) > 128
        x, y = _span(bright.any(dim=1)), _span(bright.any(dim=2))
        spot = torch.stack([x[0], y[0], x[1], y[1]], dim=1)
        boxes = torch.stack([spot, torch.full_like(spot, 2.0).cumsum(dim=1) - 2], dim=1)
        found = bright.flatten(1).any(dim=1)
        scores = torch.stack([found * 0.75, found * 0.25], dim=1).float()
        return boxes, scores, torch.stack([found.long(), found.long() * 7], dim=1)


def _span(bright: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where it begins and where it ends."""
    at = torch.arange(bright.shape[1]).expand_as(bright)
    return torch.where(bright, at, 99).amin(dim=1).float(), torch.where(bright, at + 1, 0).amax(dim=1).float()


def add_spot(root: Path, name: str = "spot", channels: int = 1, max_batch_size: int = 8) -> None:
    """A detector for pictures of 16x16 pixels: a box around all that is bright, score 0.75, class 1 (`spot`); and
    another, 0, 2, 4, 6, score 0.25, of class 7, which has no name. Nothing where nothing is bright."""
    folder = write_config(
        root,
        name,
        f"""backend: "pytorch" max_batch_size: {max_batch_size}
        input {{ name: "image" data_type: TYPE_FP32 dims: [ {channels}, 16, 16 ] }}
        output [{{ name: "boxes" data_type: TYPE_FP32 dims: [ 2, 4 ] }},
                {{ name: "scores" data_type: TYPE_FP32 dims: [ 2 ] }},
                {{ name: "classes" data_type: TYPE_INT64 dims: [ 2 ] label_filename: "labels.txt" }}]""",
    )
    (folder / "labels.txt").write_text("shade\nspot\n")
    (folder / "1").mkdir()
    torch.jit.trace(Spot(), torch.zeros(2, channels, 16, 16)).save(folder / "1" / "model.pt")


def add_listener(root: Path, name: str = "listener", **parameters: str) -> None:
    """Hears how loud each tenth of a second is: a peak of 0.2 is an `a`, 0.3 a `b`, 0.4 a `c`, 0.1 the gap between
    words. In the names of `parameters`, the first `_` stands for a dot."""
    given = {"audio.sample_rate": "8000", **{key.replace("_", ".", 1): each for key, each in parameters.items()}}
    entries = "".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{each}" }} }}' for key, each in given.items()
    )
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 4
        input [{{ name: "audio" data_type: TYPE_FP32 dims: [ -1 ] }},
               {{ name: "audio_length" data_type: TYPE_INT64 dims: [ 1 ] }}]
        output {{ name: "tokens" data_type: TYPE_INT64 dims: [ -1 ] label_filename: "labels.txt" }}
        {entries} dynamic_batching {{ }}""",
    )
    (folder / "labels.txt").write_text("<blank>\n|\na\nb\nc\n")
    write_onnx(
        folder / "1" / "model.onnx",
        """g (float[n, m] audio, int64[n, 1] audio_length) => (int64[n, k] tokens) {
            rows = Unsqueeze(audio, one)
            peaks = MaxPool <kernel_shape = [800], strides = [800]> (rows)
            flat = Squeeze(peaks, one)
            scaled = Mul(flat, ten)
            whole = Round(scaled)
            classes = Cast <to = 7> (whole)
            size = Min(audio_length, one)
            tokens = Mul(classes, size)
        }""",
        one=np.array([1]),
        ten=np.array(10, np.float32),
    )

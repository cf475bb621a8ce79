"""Models that behave as servers see it seldom: they wait, fail, forget, count on."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests import python_models, tiny_models

HELD = "held"


def build(root: Path) -> None:
    add_held(root)
    add_running_sum(root)
    add_forgetful(root)
    add_opaque(root)
    tiny_models.add_lookup(root)
    python_models.add_mock_llm(root)
    python_models.add_endless_tokens(root, concurrency=1)


def add_held(root: Path) -> None:
    """y = x, when its `Gate` is open; one request runs, one may wait."""
    python_models.add_model(
        root,
        HELD,
        """max_batch_size: 1 dynamic_batching { default_queue_policy { max_queue_size: 1 } }
        input { name: "x" data_type: TYPE_INT32 dims: 1 } output { name: "y" data_type: TYPE_INT32 dims: 1 }""",
        """
        import time

        class Model:
            def load(self, context):
                self.directory = context.directory

            def execute(self, request):
                (self.directory / "entered").touch()
                while not (self.directory / "open").exists():
                    time.sleep(0.005)
                return {"y": request.inputs["x"]}
        """,
    )


def add_opaque(root: Path) -> None:
    """Bytes in, the same bytes out, whether or not they are text."""
    python_models.add_model(
        root,
        "opaque",
        """input { name: "IN" data_type: TYPE_STRING dims: -1 }
        output { name: "OUT" data_type: TYPE_STRING dims: -1 }""",
        """
        class Model:
            def execute(self, request):
                return {"OUT": request.inputs["IN"]}
        """,
    )


@dataclass(frozen=True)
class Gate:
    """Of the model `held`."""

    directory: Path

    @property
    def is_entered(self) -> bool:
        """Whether a request was in the model, which may be gone."""
        return (self.directory / "entered").exists()

    def wait_until_entered(self) -> None:
        wait_for(self.directory / "entered")

    def open(self) -> None:
        (self.directory / "open").touch()

    def reset(self) -> None:
        for name in ("entered", "open"):
            (self.directory / name).unlink(missing_ok=True)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.005)


def add_running_sum(root: Path) -> None:
    """The sum of a sequence's inputs so far, which the server keeps for the model: implicit state."""
    folder = tiny_models.write_config(
        root,
        "running_sum",
        """backend: "onnxruntime" max_batch_size: 4
        sequence_batching { direct { } max_sequence_idle_microseconds: 60000000 state {
            input_name: "BEFORE" output_name: "AFTER" data_type: TYPE_INT32 dims: 1
            initial_state { name: "zero" data_type: TYPE_INT32 dims: 1 zero_data: true }
        } }
        input { name: "INPUT" data_type: TYPE_INT32 dims: 1 }
        output { name: "OUTPUT" data_type: TYPE_INT32 dims: 1 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        """g (int32[n, 1] INPUT, int32[n, 1] BEFORE) => (int32[n, 1] OUTPUT, int32[n, 1] AFTER) {
            OUTPUT = Add(INPUT, BEFORE)
            AFTER = Add(INPUT, BEFORE)
        }""",
    )


def add_forgetful(root: Path) -> None:
    """Its sequences may be idle for a microsecond, which is shorter than any caller is."""
    folder = tiny_models.write_config(
        root,
        "forgetful",
        """backend: "onnxruntime" max_batch_size: 4
        sequence_batching { direct { } max_sequence_idle_microseconds: 1 }
        input { name: "INPUT" data_type: TYPE_INT32 dims: 1 }
        output { name: "OUTPUT" data_type: TYPE_INT32 dims: 1 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (int32[n, 1] INPUT) => (int32[n, 1] OUTPUT) { OUTPUT = Identity(INPUT) }"
    )

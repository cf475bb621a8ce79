"""Real models written in Python, each a few lines, and repositories of them."""

from pathlib import Path
from textwrap import dedent

from tests.tiny_models import write_config


def add_model(root: Path, name: str, config: str, source: str, version: str = "1") -> Path:
    """Returns the version's directory."""
    directory = write_config(root, name, f'backend: "python"\n{config}') / version
    directory.mkdir(exist_ok=True)
    (directory / "model.py").write_text(dedent(source))
    return directory


def add_affine(root: Path, name: str = "python_affine") -> None:
    """y = 2 x + 1 and total = the row's sum, over rows of 3 floats."""
    add_model(
        root,
        name,
        """max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 3 }
        output [{ name: "y" data_type: TYPE_FP32 dims: 3 }, { name: "total" data_type: TYPE_FP32 dims: 1 }]""",
        """
        class Model:
            def execute(self, request):
                x = request.inputs["x"]
                return {"y": x * 2 + 1, "total": x.sum(axis=1, keepdims=True)}
        """,
    )


def add_mock_llm(root: Path, name: str = "mock_llm") -> None:
    """Triton's own example for its generate extension: the prompt, once or `REPETITION` times.

    Other parameters: `FAIL_FIRST` and `FAIL_LAST` (raise before, or after, the responses), `OUTPUT_0_DIM` (answer no
    elements).
    """
    add_model(
        root,
        name,
        """max_batch_size: 8 model_transaction_policy { decoupled: true }
        input [{ name: "PROMPT" data_type: TYPE_STRING dims: 1 }, { name: "STREAM" data_type: TYPE_BOOL dims: 1 }]
        output { name: "TEXT" data_type: TYPE_STRING dims: -1 }""",
        """
        class Model:
            def execute(self, request):
                if request.parameters.get("FAIL_FIRST", False):
                    raise RuntimeError("failed before the first response")
                prompt = request.inputs["PROMPT"]
                for _ in range(request.parameters.get("REPETITION", 1)):
                    yield {"TEXT": prompt[:, :0] if request.parameters.get("OUTPUT_0_DIM") else prompt}
                if request.parameters.get("FAIL_LAST", False):
                    raise RuntimeError("an error on last response")
        """,
    )


def add_endless_tokens(root: Path, name: str = "endless_tokens", concurrency: int = 8) -> None:
    """Counts for ever, one response each; what ends it writes the file `closed` into the version's directory."""
    add_model(
        root,
        name,
        f"""input {{ name: "START" data_type: TYPE_INT64 dims: 1 }} output {{ name: "N" data_type: TYPE_INT64 dims: 1 }}
        model_transaction_policy {{ decoupled: true }}
        parameters {{ key: "max_concurrency" value {{ string_value: "{concurrency}" }} }}""",
        """
        import asyncio

        class Model:
            def load(self, context):
                self.directory = context.directory

            async def execute(self, request):
                n = request.inputs["START"]
                try:
                    while True:
                        yield {"N": n}
                        n = n + 1
                        await asyncio.sleep(0.01)
                finally:
                    (self.directory / "closed").touch()
        """,
    )


def add_barrier(root: Path, parties: int, name: str = "barrier") -> None:
    """Answers when so many requests are in it at once, and each with its place, counted from 0."""
    add_model(
        root,
        name,
        """input { name: "x" data_type: TYPE_INT64 dims: 1 } output { name: "place" data_type: TYPE_INT64 dims: 1 }
        model_transaction_policy { decoupled: true }""",
        f"""
        import asyncio

        class Model:
            async def load(self, context):
                self.barrier = asyncio.Barrier({parties})

            async def execute(self, request):
                yield {{"place": [await self.barrier.wait()]}}
        """,
    )


def add_gate(root: Path, name: str = "gate") -> None:
    """y = x, rows of 4 floats, once there is a file `open` in the version's directory; writes the file `entered`."""
    add_model(
        root,
        name,
        """max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_FP32 dims: 4 }""",
        """
        import time

        class Model:
            def load(self, context):
                self.directory = context.directory

            def execute(self, request):
                (self.directory / "entered").touch()
                while not (self.directory / "open").exists():
                    time.sleep(0.001)
                return {"y": request.inputs["x"]}
        """,
    )


ISOLATED = 'parameters { key: "isolation" value { string_value: "process" } }'

CRASH, KILL, LEAVE, SLEEP, FAIL, TOO_LARGE = 666.0, 667.0, 668.0, 669.0, 670.0, 671.0
"""What the first number of a row makes `add_hazard`'s model do."""


def add_hazard(root: Path, name: str = "hazard", extra: str = ISOLATED, config: str = "max_batch_size: 8") -> Path:
    """y = 2 x over rows of 4 floats, and the number of its process; or the end of that, see above.

    SLEEP writes the file `entered` into the version's directory, and waits for good.
    """
    return add_model(
        root,
        name,
        f"""{config} input {{ name: "x" data_type: TYPE_FP32 dims: 4 }}
        output [{{ name: "y" data_type: TYPE_FP32 dims: 4 }}, {{ name: "pid" data_type: TYPE_INT64 dims: 1 }}]
        {extra}""",
        f"""
        import ctypes, os, resource, signal, time

        class Model:
            def load(self, context):
                self.directory = context.directory

            def execute(self, request):
                x = request.inputs["x"]
                what = set(x.reshape(-1, 4)[:, 0].tolist())
                if {CRASH} in what:
                    ctypes.string_at(0)
                if {KILL} in what:
                    os.kill(os.getpid(), signal.SIGKILL)
                if {LEAVE} in what:
                    os._exit(3)
                if {SLEEP} in what:
                    (self.directory / "entered").touch()
                    time.sleep(1000)
                if {FAIL} in what:
                    raise RuntimeError("not this row")
                if {TOO_LARGE} in what:
                    resource.setrlimit(resource.RLIMIT_AS, (2**30, resource.RLIM_INFINITY))
                    bytearray(2**31)
                pid = [[os.getpid()]] * len(x) if x.ndim == 2 else [os.getpid()]
                return {{"y": x * 2, "pid": pid}}
        """,
    )

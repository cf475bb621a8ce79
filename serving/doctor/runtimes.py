"""What runs models: ONNX Runtime and its providers, PyTorch, and GPUs.

Rule: a GPU that is there and can't be used is told; PyTorch, which takes seconds to import, is not imported.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from serving.doctor.finding import Finding, ok, problem, warning
from serving.machine import nvml


@dataclass(frozen=True, slots=True)
class Runtimes:
    """`onnx` is ONNX Runtime's release and `torch` PyTorch's, "" where it is not installed; `fault` why ONNX Runtime
    can't be imported. `usable` GPUs are those that it can use, `no_gpu` says why there are none. `seen` are the names
    of those that the driver lists."""

    onnx: str = ""
    fault: str = ""
    providers: tuple[str, ...] = ()
    usable: int = 0
    no_gpu: str = ""
    seen: tuple[str, ...] = ()
    torch: str = ""


def examine(require_gpu: bool) -> list[Finding]:
    return judged(found(), require_gpu)


def judged(found: Runtimes, require_gpu: bool) -> list[Finding]:
    torch = ok("PyTorch", found.torch or "not installed, which only TorchScript models need")
    return [_onnx(found), _gpus(found, require_gpu), torch]


def _onnx(found: Runtimes) -> Finding:
    if found.fault:
        fix = "pip install --force-reinstall onnxruntime, or onnxruntime-gpu"
        return problem("ONNX Runtime", f"{found.onnx} can't be imported: {found.fault}", fix)
    if not found.onnx:
        fix = "pip install 'slipway-serving[cpu]', or [gpu]"
        return warning("ONNX Runtime", "is not installed: no ONNX model can be served", fix)
    names = ", ".join(name.removesuffix("ExecutionProvider") for name in found.providers)
    return ok("ONNX Runtime", f"{found.onnx}, with the providers {names}")


def _gpus(found: Runtimes, require_gpu: bool) -> Finding:
    seen = ", ".join(found.seen)
    if found.usable:
        return ok("GPU", f"{found.usable} can be used{f': {seen}' if seen else ''}")
    if require_gpu:
        return problem("GPU", found.no_gpu, "what it says, or leave out --require-gpu")
    if found.seen:
        return warning(
            "GPU",
            f"{seen} can't be used: {found.no_gpu}",
            "pip uninstall -y onnxruntime; pip install 'slipway-serving[gpu]'",
        )
    return ok("GPU", "none; models run on the CPU")


def found() -> Runtimes:
    onnx, torch = _release("onnxruntime") or _release("onnxruntime-gpu"), _release("torch")
    seen = _names()
    try:
        import onnxruntime

        from serving.backends.cuda_runtime import NoCuda
        from serving.backends.ort_gpu import usable_gpus
    except ModuleNotFoundError as error:
        is_absent = error.name == "onnxruntime"
        return Runtimes("" if is_absent else onnx, "" if is_absent else str(error), no_gpu="", seen=seen, torch=torch)
    except Exception as error:  # a library that is no longer there, files of two releases: whatever it raises
        return Runtimes(onnx, str(error).partition("\n")[0], no_gpu="ONNX Runtime can't be imported", seen=seen)
    usable, why = 0, ""
    try:
        usable = usable_gpus()
    except NoCuda as error:
        why = str(error)
    return Runtimes(onnx, "", tuple(onnxruntime.get_available_providers()), usable, why, seen, torch)


def _names() -> tuple[str, ...]:
    library = nvml()
    if library is None:
        return ()
    handles = map(library.nvmlDeviceGetHandleByIndex, range(library.nvmlDeviceGetCount()))
    return tuple(str(library.nvmlDeviceGetName(handle)) for handle in handles)


def _release(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

"""What the machine itself is doing: processors, memory and, where there are any, NVIDIA's GPUs.

Rule: asked only when someone scrapes; a figure that a machine can't give is left out, never invented.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import psutil

FIGURES = {
    "nv_cpu_utilization": ("gauge", "CPU utilization rate [0.0 - 1.0]"),
    "nv_cpu_memory_total_bytes": ("gauge", "CPU total memory (RAM), in bytes"),
    "nv_cpu_memory_used_bytes": ("gauge", "CPU used memory (RAM), in bytes"),
    "nv_gpu_utilization": ("gauge", "GPU utilization rate [0.0 - 1.0)"),
    "nv_gpu_memory_total_bytes": ("gauge", "GPU total memory, in bytes"),
    "nv_gpu_memory_used_bytes": ("gauge", "GPU used memory, in bytes"),
    "nv_gpu_power_usage": ("gauge", "GPU power usage in watts"),
    "nv_gpu_power_limit": ("gauge", "GPU power management limit in watts"),
    "nv_energy_consumption": ("counter", "GPU energy consumption in joules since the Triton Server started"),
}
"""What each of them is, in Prometheus' words and Triton's."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of Prometheus text; `gpu_uuid` is "" for the machine's own."""

    name: str
    value: float
    gpu_uuid: str = ""


def nvml() -> ModuleType | None:
    """NVIDIA's management library, ready to be asked; None without its package, its driver, or a GPU."""
    try:
        library = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        return None
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


class Machine:
    """`gpus` is the module `pynvml` after `nvmlInit`, or None."""

    def __init__(self, gpus: Any) -> None:
        self._gpus = gpus
        psutil.cpu_percent()  # the next call gives the use since this one

    def figures(self) -> Iterator[Figure]:
        """Triton's, with its units: utilisation from 0 to 1, bytes, watts, joules."""
        memory = psutil.virtual_memory()
        yield Figure("nv_cpu_utilization", psutil.cpu_percent() / 100)
        yield Figure("nv_cpu_memory_total_bytes", memory.total)
        yield Figure("nv_cpu_memory_used_bytes", memory.total - memory.available)
        if self._gpus is not None:
            for number in range(self._gpus.nvmlDeviceGetCount()):
                yield from _gpu(self._gpus, self._gpus.nvmlDeviceGetHandleByIndex(number))


def _gpu(library: Any, device: Any) -> Iterator[Figure]:
    uuid = library.nvmlDeviceGetUUID(device)
    figures: dict[str, Callable[[], float]] = {
        "nv_gpu_utilization": lambda: library.nvmlDeviceGetUtilizationRates(device).gpu / 100,
        "nv_gpu_memory_total_bytes": lambda: library.nvmlDeviceGetMemoryInfo(device).total,
        "nv_gpu_memory_used_bytes": lambda: library.nvmlDeviceGetMemoryInfo(device).used,
        "nv_gpu_power_usage": lambda: library.nvmlDeviceGetPowerUsage(device) / 1000,
        "nv_gpu_power_limit": lambda: library.nvmlDeviceGetPowerManagementLimit(device) / 1000,
        "nv_energy_consumption": lambda: library.nvmlDeviceGetTotalEnergyConsumption(device) / 1000,
    }
    for name, read in figures.items():
        with suppress(library.NVMLError):  # not every GPU gives every figure
            yield Figure(name, read(), uuid)

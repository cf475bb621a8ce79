import types

import pytest

from serving.machine import Figure, Machine, nvml


class NVMLError(Exception):
    pass


def library() -> types.SimpleNamespace:
    """What NVIDIA's library says on a machine with one GPU that does not count its energy."""

    def no_energy(_: object) -> int:
        raise NVMLError

    return types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUUID=lambda _: "GPU-1",
        nvmlDeviceGetUtilizationRates=lambda _: types.SimpleNamespace(gpu=25),
        nvmlDeviceGetMemoryInfo=lambda _: types.SimpleNamespace(total=80, used=20),
        nvmlDeviceGetPowerUsage=lambda _: 150_000,
        nvmlDeviceGetPowerManagementLimit=lambda _: 700_000,
        nvmlDeviceGetTotalEnergyConsumption=no_energy,
    )


def test_the_processors_use_is_a_share_and_memory_is_in_bytes() -> None:
    figures = {figure.name: figure.value for figure in Machine(None).figures()}
    assert figures.keys() == {"nv_cpu_utilization", "nv_cpu_memory_total_bytes", "nv_cpu_memory_used_bytes"}
    assert 0 <= figures["nv_cpu_utilization"] <= 1
    assert 0 < figures["nv_cpu_memory_used_bytes"] < figures["nv_cpu_memory_total_bytes"]


def test_a_gpu_tells_what_it_can_in_tritons_units() -> None:
    figures = [figure for figure in Machine(library()).figures() if figure.gpu_uuid]
    assert figures == [
        Figure("nv_gpu_utilization", 0.25, "GPU-1"),
        Figure("nv_gpu_memory_total_bytes", 80, "GPU-1"),
        Figure("nv_gpu_memory_used_bytes", 20, "GPU-1"),
        Figure("nv_gpu_power_usage", 150, "GPU-1"),
        Figure("nv_gpu_power_limit", 700, "GPU-1"),
    ]


def test_a_library_without_a_gpu_behind_it_is_no_reason_to_stop() -> None:
    found = nvml()
    if found is None:
        pytest.skip("no NVIDIA GPU here, and asking for one did no harm")
    assert found.nvmlDeviceGetCount() >= 0

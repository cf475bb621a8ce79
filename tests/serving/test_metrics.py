import asyncio
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from serving.core.requests import InferRequest
from serving.engine.registry import ModelRegistry
from serving.engine.repositories import open_repositories
from serving.engine.repository import ModelRepository
from serving.engine.response_cache import ResponseCache
from serving.machine import Machine
from serving.metrics import Metrics
from tests import tiny_models


async def test_tritons_counters_have_tritons_names_types_and_labels(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    rows = {"x": np.ones((3, 4), np.float32)}
    await registry.loaded.find("double").infer(InferRequest("double", rows, timeout=60))
    lines = Metrics(CollectorRegistry(), registry, Machine(None)).exposition().decode().splitlines()
    assert registry.close(10)
    assert set(lines) >= {
        "# TYPE nv_inference_count counter",
        'slipway_model_ready{model="double",version="1"} 1',
        'nv_inference_count{model="double",version="1"} 3',
        'nv_inference_exec_count{model="double",version="1"} 1',
        'nv_inference_pending_request_count{model="double",version="1"} 0',
        "# TYPE nv_inference_pending_request_count gauge",
        'nv_inference_request_success{model="double",version="1"} 1',
        *(
            f'nv_inference_request_failure{{model="double",reason="{reason}",version="1"}} 0'
            for reason in ("REJECTED", "CANCELED", "BACKEND", "OTHER")
        ),
        *(
            f'slipway_refused_requests_total{{model="double",reason="{reason}",version="1"}} 0'
            for reason in ("queue_full", "hopeless", "expired")
        ),
        'slipway_queue_limit_requests{model="double",version="1"} 4096',
        'slipway_objective_requests_total{model="double",outcome="in_time",version="1"} 1',
        'slipway_objective_requests_total{model="double",outcome="late",version="1"} 0',
        'slipway_batch_duration_ratio_bucket{le="+Inf",model="double",version="1"} 0',
        'slipway_batch_size_rows_bucket{le="2",model="double",version="1"} 0',
        'slipway_batch_size_rows_bucket{le="4",model="double",version="1"} 1',
        'slipway_batch_size_rows_bucket{le="+Inf",model="double",version="1"} 1',
        'slipway_batch_size_rows_sum{model="double",version="1"} 3.0',
    }
    assert not [line for line in lines if "slipway_latency_objective" in line], "the model has none"
    types = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
    assert types["nv_cpu_utilization"] == types["nv_model_load_duration_secs"] == "gauge"
    assert (
        types["nv_inference_compute_input_duration_us"] == types["nv_inference_compute_output_duration_us"] == "counter"
    )
    assert types["slipway_queue_duration_seconds"] == "histogram"


async def test_a_model_s_objective_is_told(tmp_path: Path) -> None:
    tiny_models.add_double(
        tmp_path, extra='parameters { key: "latency_objective_ms" value { string_value: "50" } } dynamic_batching { }'
    )
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    text = Metrics(CollectorRegistry(), registry, Machine(None)).exposition().decode()
    assert registry.close(10)
    assert 'slipway_latency_objective_seconds{model="double",version="1"} 0.05\n' in text


async def test_prometheus_can_read_it(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    text = Metrics(CollectorRegistry(), registry, Machine(None)).exposition().decode()
    assert registry.close(10)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["slipway_request_duration_seconds"].type == "histogram"
    assert families["nv_cpu_memory_total_bytes"].samples[0].value > 0
    assert all(0 <= sample.value <= 1 for sample in families["nv_cpu_utilization"].samples)


async def test_which_repositories_can_be_read_is_told(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    repository = open_repositories(tmp_path, None)
    registry = ModelRegistry(repository, asyncio.get_running_loop())
    metrics = Metrics(CollectorRegistry(), registry, Machine(None), reachable=repository.reachable)
    line = f'slipway_repository_reachable{{repository="{tmp_path}"}}'
    assert f"{line} 1\n" in metrics.exposition().decode()
    tmp_path.rename(tmp_path.parent / "away")
    assert repository.names() == ["double"]
    assert f"{line} 0\n" in metrics.exposition().decode()


async def test_what_the_response_cache_does_is_told_of_the_models_that_have_it(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "cached", extra="response_cache { enable: true }")
    cache = ResponseCache(1000)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop(), cache=cache)
    for name in registry.loaded.names():
        await asyncio.to_thread(registry.load, name)
    for number in (1, 1, 2):
        inputs = {"x": np.full((1, 4), number, np.float32)}
        await registry.dispatch.infer(InferRequest("cached", inputs))
    with_cache = Metrics(CollectorRegistry(), registry, Machine(None), cache).exposition().decode().splitlines()
    without = Metrics(CollectorRegistry(), registry, Machine(None)).exposition().decode()
    assert registry.close(10)
    assert set(with_cache) >= {
        "# TYPE nv_cache_num_hits_per_model counter",
        "# HELP nv_cache_num_hits_per_model Number of cache hits per model",
        'nv_cache_num_hits_per_model{model="cached",version="1"} 1',
        'nv_cache_num_misses_per_model{model="cached",version="1"} 2',
        'nv_inference_request_success{model="cached",version="1"} 3',
        'nv_inference_count{model="cached",version="1"} 2',
        'nv_inference_exec_count{model="cached",version="1"} 2',
        "slipway_response_cache_size_bytes 1000",
        f"slipway_response_cache_used_bytes {cache.used}",
        "slipway_response_cache_evictions_total 1",
        "# TYPE slipway_response_cache_evictions_total counter",
    }
    for name in ("nv_cache_hit_duration_per_model", "nv_cache_miss_duration_per_model"):
        [line] = [line for line in with_cache if line.startswith(f"{name}{{")]
        assert line.startswith(f'{name}{{model="cached",version="1"}} ')
        assert line.split()[-1].isdecimal()
    assert "_cache_" not in without

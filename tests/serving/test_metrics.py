import asyncio
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from serving.core.requests import InferRequest
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.metrics import Metrics
from tests import tiny_models


async def test_tritons_counters_have_tritons_names_types_and_labels(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    await registry.find("double").infer(InferRequest("double", {"x": np.ones((3, 4), np.float32)}))
    lines = Metrics(CollectorRegistry(), registry.served).exposition().decode().splitlines()
    assert registry.close(10)
    assert "# TYPE nv_inference_count counter" in lines
    assert 'nv_inference_count{model="double",version="1"} 3' in lines
    assert 'nv_inference_exec_count{model="double",version="1"} 1' in lines
    assert 'nv_inference_pending_request_count{model="double",version="1"} 0' in lines
    assert "# TYPE nv_inference_pending_request_count gauge" in lines
    assert 'nv_inference_request_success{model="double",version="1"} 1' in lines

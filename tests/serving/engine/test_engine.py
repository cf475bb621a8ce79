import asyncio
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.errors import ModelNotFound
from tests import tiny_models


async def test_models_are_found_by_name_and_answered(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"")
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    for name in registry.names():
        await asyncio.to_thread(registry.load, name)
    engine = Engine(registry)

    answer = await engine.model("double").infer(InferRequest("double", {"x": np.ones((1, 4), np.float32)}, id="7"))
    assert (answer.model_name, answer.model_version, answer.id) == ("double", "1", "7")
    with pytest.raises(ModelNotFound):
        engine.model("nope")
    ready = [engine.is_model_ready(*names) for names in [("double",), ("double", "1"), ("double", "2"), ("broken",)]]
    assert ready == [True, True, False, False]
    assert not engine.is_model_ready("nope")
    assert [row.name for row in engine.index()] == ["broken", "double"]
    assert [row.name for row in engine.index(ready_only=True)] == ["double"]
    assert registry.close(10)

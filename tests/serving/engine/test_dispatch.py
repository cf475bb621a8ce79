import asyncio
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import InferRequest
from serving.engine.dispatch import Dispatch
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotReady
from tests import tiny_models

UNUSED = Dispatch(lambda *_: pytest.fail("only ensembles look for models"))
REQUEST = InferRequest("double", {"x": np.ones((1, 4), np.float32)})


def a_model(root: Path) -> ServedModel:
    served = load_model(ModelRepository(root), "double", None, asyncio.get_running_loop(), UNUSED)["1"].served
    assert served is not None
    return served


async def test_a_model_that_closes_after_the_look_up_is_answered_for_by_its_successor(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    old, new = a_model(tmp_path), a_model(tmp_path)
    found = [new, old]
    dispatch = Dispatch(lambda *_: found.pop() if len(found) > 1 else found[0])
    assert old.close(10)
    assert (await dispatch.infer(REQUEST)).outputs["y"][0, 0] == 2
    assert new.statistics.success.count == 1
    assert new.close(10)


async def test_without_a_successor_the_request_is_refused(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    old = a_model(tmp_path)
    assert old.close(10)
    with pytest.raises(ModelNotReady, match="'double' is not at ready state, it is unloading"):
        await Dispatch(lambda *_: old).infer(REQUEST)

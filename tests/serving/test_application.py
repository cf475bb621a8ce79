import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from serving.access.keys import Key, digest_of
from serving.access.scope import Scope
from serving.application import Application, ModelsFailed, loaded_application
from serving.settings import Access, Settings
from tests import tiny_models

ASKED = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


async def asked(application: Application, path: str = "models/double/infer", key: str = "") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application.web), base_url="http://here") as client:
        return await client.post(f"/v2/{path}", json=ASKED, headers={"X-API-Key": key} if key else {})


async def test_it_answers_without_a_port_within_the_block_and_after_it_no_more(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    async with loaded_application(Settings(tmp_path, auto_tune_secs=0)) as application:
        assert application.engine.ready
        replies = await asyncio.gather(*(asked(application) for _ in range(3)))
        outputs = [reply.json()["outputs"][0]["data"] for reply in replies]
        np.testing.assert_array_equal(outputs, [[2, 4, 6, 8]] * 3)
    assert not application.engine.ready
    assert (await asked(application)).status_code >= 400


@pytest.mark.parametrize("keys", [(), (Key("ops", digest_of("k"), frozenset(Scope)),)], ids=["no keys", "keys"])
async def test_callers_of_another_s_server_show_its_keys_and_change_nothing(
    tmp_path: Path, keys: tuple[Key, ...]
) -> None:
    tiny_models.add_double(tmp_path)
    settings = Settings(tmp_path, auto_tune_secs=0, model_control_mode="explicit", load_model=("double",))
    async with loaded_application(replace(settings, access=Access(keys))) as application:
        assert (await asked(application, key="k")).status_code == 200
        assert (await asked(application)).status_code == (401 if keys else 200)
        refused = await asked(application, "repository/models/double/unload", "k")
        assert (refused.status_code, "one of several" in refused.text) == (403, True)


async def test_a_model_that_fails_ends_it_where_that_is_wished(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "1" / "model.onnx").write_bytes(b"none")
    with pytest.raises(ModelsFailed, match="double 1: "):
        async with loaded_application(Settings(tmp_path, exit_on_error=True)):
            pass

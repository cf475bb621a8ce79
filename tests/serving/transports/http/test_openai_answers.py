"""Answers of a real tiny model."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.core.generation import SamplingParams
from serving.core.generation_config import complete
from serving.core.model_config import parse
from serving.engine.generation_loading import load_generating
from serving.errors import BackendFailed
from serving.protocols.openai_requests import TextRequest
from serving.transports.http.openai_answers import Answers
from tests.tiny_decoders import write_tiny_decoder

CONFIG = """
backend: "onnxruntime"
parameters { key: "generation.task" value { string_value: "text-generation" } }
parameters { key: "generation.max_num_seqs" value { string_value: "1" } }
"""


async def test_where_one_of_them_fails_nobody_waits_for_the_others(tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path / "1")
    model = load_generating("1", complete(parse(CONFIG, "writer")), tmp_path / "1", asyncio.get_running_loop())
    asked = TextRequest("writer", SamplingParams(max_tokens=100, ignore_eos=True), ((5, 6, 7),), n=3)
    answers = await Answers.begin(model, asked, datetime.now(UTC), 0.0)
    answers._answers[0]._stream.fail(BackendFailed("out of order"))
    async with aclosing(answers):
        with pytest.raises(BackendFailed):
            await answers.whole()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await asyncio.to_thread(model.close, 30)

"""Answers of a real tiny model."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.core.generation import SamplingParams
from serving.core.generation_config import complete
from serving.core.model_config import parse
from serving.engine.generating_model import GeneratingModel
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


@asynccontextmanager
async def writing(folder: Path) -> AsyncGenerator[GeneratingModel, None]:
    write_tiny_decoder(folder)
    model = load_generating("1", complete(parse(CONFIG, "writer")), folder, asyncio.get_running_loop())
    try:
        yield model
    finally:
        assert await asyncio.to_thread(model.close, 30)


async def test_others_are_served_while_many_prompts_are_accepted(tmp_path: Path) -> None:
    asked = TextRequest("writer", SamplingParams(max_tokens=1), tuple((5 + number,) for number in range(200)))
    turns = 0
    async with writing(tmp_path / "1") as model:
        beginning = asyncio.create_task(Answers.begin(model, asked, datetime.now(UTC), 0.0))
        while not beginning.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        async with aclosing(beginning.result()) as answers:
            assert len(await answers.whole()) == 200


async def test_who_leaves_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    asked = TextRequest("writer", SamplingParams(max_tokens=100, ignore_eos=True), ((5, 6, 7),), n=100)
    async with writing(tmp_path / "1") as model:
        beginning = asyncio.create_task(Answers.begin(model, asked, datetime.now(UTC), 0.0))
        while model.pending < 50:
            await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        assert model.pending == model.batcher.running == 0


async def test_where_one_of_them_fails_nobody_waits_for_the_others(tmp_path: Path) -> None:
    asked = TextRequest("writer", SamplingParams(max_tokens=100, ignore_eos=True), ((5, 6, 7),), n=3)
    async with writing(tmp_path / "1") as model:
        answers = await Answers.begin(model, asked, datetime.now(UTC), 0.0)
        answers._answers[0]._stream.fail(BackendFailed("out of order"))
        async with aclosing(answers):
            with pytest.raises(BackendFailed):
                await answers.whole()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

"""A real tiny model that writes, asked from the event loop; every answer is compared with the plain PyTorch loop."""

import asyncio
import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.core.generation import GREEDY, FinishReason, GenerateRequest, Grammar, GrammarKind, SamplingParams
from serving.core.generation_config import complete
from serving.core.model_config import parse
from serving.core.requests import InferRequest
from serving.engine.generating_model import Answer, GeneratingModel
from serving.engine.generation_loading import load_generating
from serving.engine.statistics import FailureReason
from serving.errors import ContextTooLong, DeadlineExceeded, ModelNotReady, Overloaded, Unsupported
from serving.text.stop_strings import StopStrings
from tests import tiny_seq2seq
from tests.tiny_decoders import TINY, greedy, tiny_decoder, write_tiny_decoder

LONGEST = TINY.max_position_embeddings
FOREVER = SamplingParams(temperature=0.0, ignore_eos=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer") / "1"
    write_tiny_decoder(folder)
    return folder


@contextmanager
def writing(folder: Path, backend: str = "onnxruntime", **generation: object) -> Iterator[GeneratingModel]:
    """Belongs to the running loop."""
    given = {"task": "text-generation", **generation}
    parameters = [
        f'parameters {{ key: "generation.{name}" value {{ string_value: "{it}" }} }}' for name, it in given.items()
    ]
    config = complete(parse(f'backend: "{backend}" {" ".join(parameters)}', "writer"))
    model = load_generating("1", config, folder, asyncio.get_running_loop())
    try:
        yield model
    finally:
        assert model.close(30)


@cache
def plain(prompt: tuple[int, ...], count: int) -> list[int]:
    return greedy(_model(), list(prompt), count)


@cache
def _model() -> object:
    return tiny_decoder()


def asked(prompt: tuple[int, ...], count: int, **more: object) -> GenerateRequest:
    return GenerateRequest("writer", prompt, SamplingParams(temperature=0.0, ignore_eos=True, max_tokens=count), **more)


async def tokens(answer: Answer) -> list[int]:
    return [token.id async for delta in answer for token in delta.tokens]


async def written(model: GeneratingModel, prompt: tuple[int, ...], count: int) -> list[int]:
    return await tokens(await model.generate(asked(prompt, count)))


def prompts(number: int, seed: int) -> list[tuple[int, ...]]:
    """Of mixed lengths; a third of them begin like others."""
    rng = random.Random(seed)
    common = tuple(rng.randrange(3, TINY.vocab_size) for _ in range(40))
    return [
        (common[: rng.randrange(16, 40)] if rng.random() < 0.33 else ())
        + tuple(rng.randrange(3, TINY.vocab_size) for _ in range(rng.randrange(1, 40)))
        for _ in range(number)
    ]


def beginnings() -> list[tuple[int, ...]]:
    """More of them than three rows of the cache can hold."""
    rng = random.Random(3)
    return [tuple(rng.randrange(3, TINY.vocab_size) for _ in range(length)) for length in range(60, 124, 8)]


def long_prompts(number: int, seed: int) -> list[tuple[int, ...]]:
    """Each begins like many others, some all the way, and leaves little room or none but for a token."""
    rng = random.Random(seed)
    found = []
    for _ in range(number):
        common = rng.choice(beginnings())
        rest = rng.randrange(1, LONGEST - len(common)) if rng.random() < 0.8 else 0
        found.append(common + tuple(rng.randrange(3, TINY.vocab_size) for _ in range(rest)))
    return found


SMALL_STEPS = {"max_num_seqs": 5, "max_num_batched_tokens": 17}
SMALL_CACHE = {"max_num_seqs": 3, "max_num_batched_tokens": 11}


@pytest.mark.parametrize("backend", ["onnxruntime", "pytorch"])
@pytest.mark.parametrize(
    ("made", "caching", "options"),
    [(prompts, True, SMALL_STEPS), (prompts, False, SMALL_STEPS), (long_prompts, True, SMALL_CACHE)],
    ids=["cached", "uncached", "evicted"],
)
async def test_greedy_answers_are_the_plain_loops_whoever_else_is_written(
    folder: Path, backend: str, made: Any, caching: bool, options: dict[str, int]
) -> None:
    rng = random.Random(7)
    several = [(prompt, min(rng.randrange(1, 12), LONGEST - len(prompt))) for prompt in made(200, 11)]
    cached = []
    with writing(folder, backend, **options, enable_prefix_caching=str(caching).lower()) as model:

        async def one(prompt: tuple[int, ...], count: int) -> list[int]:
            await asyncio.sleep(rng.random() * 0.1)
            answer = await model.generate(asked(prompt, count))
            found = await tokens(answer)
            cached.append(answer.cached_tokens)
            return found

        async def leaves(prompt: tuple[int, ...]) -> None:
            await asyncio.sleep(rng.random() * 0.1)
            answer = await model.generate(asked(prompt, LONGEST - len(prompt)))
            for _ in range(rng.randrange(3)):
                await anext(answer, None)
            await answer.aclose()

        going = [leaves(prompt) for prompt in made(30, 5)]
        found, _ = await asyncio.gather(
            asyncio.gather(*(one(prompt, count) for prompt, count in several)), asyncio.gather(*going)
        )
        assert found == [plain(prompt, count) for prompt, count in several]
        assert model.batcher.running == model.pending == 0
        assert (model.batcher.prefix_hits > 0) is caching
        if made is long_prompts:
            assert max(cached) >= 100, "nearly all of a context"
            assert cached.count(0) > 3 * len(beginnings()), "what was read before is read again"


@pytest.mark.parametrize("backend", ["onnxruntime", "pytorch"])
async def test_what_the_cache_had_to_give_up_is_read_again(folder: Path, backend: str) -> None:
    with writing(folder, backend, **SMALL_CACHE) as model:
        cached = []
        for number in (*range(8), 7, 6, 5, *range(8)):
            prompt = (*beginnings()[number], 9)
            answer = await model.generate(asked(prompt, 4))
            assert await tokens(answer) == plain(prompt, 4)
            cached.append(answer.cached_tokens)
        kept = [len(beginnings()[number]) for number in (7, 6, 5)]
        assert cached == [0] * 8 + kept + [0] * 8, "the three that were read last, and none of the others"


async def test_what_an_encoder_read_is_answered_as_by_the_plain_loop_whoever_else_is_written(tmp_path: Path) -> None:
    rng = random.Random(7)
    several = [(prompt[:60], rng.randrange(1, 12)) for prompt in prompts(30, 11)]
    model = tiny_seq2seq.write_tiny_seq2seq(tmp_path / "1")
    options = {"task": "text2text-generation", "max_num_seqs": 5, "max_num_batched_tokens": 17}
    with writing(tmp_path / "1", **options) as writer:

        async def one(prompt: tuple[int, ...], count: int) -> list[int]:
            await asyncio.sleep(rng.random() * 0.1)
            return await written(writer, prompt, count)

        found = await asyncio.gather(*(one(prompt, count) for prompt, count in several))
        assert found == [tiny_seq2seq.greedy(model, list(prompt), count) for prompt, count in several]
        assert await written(writer, *several[0]) == found[0]
        assert writer.batcher.prefix_hits == 0


async def test_an_answer_is_told_as_it_is_written_and_counted(folder: Path) -> None:
    with writing(folder) as model:
        answer = await model.generate(asked((5, 6, 7), 20))
        deltas = [delta async for delta in answer]
        assert [delta.finish_reason for delta in deltas] == [None] * (len(deltas) - 1) + [FinishReason.LENGTH]
        assert answer.completion_tokens == 20
        text = "".join(delta.text for delta in deltas)
        assert text == model.tokenizer.decode(plain((5, 6, 7), 20))
        assert model.statistics.success.count == 1
        assert model.generation.finished[FinishReason.LENGTH] == 1
        assert model.generation.generation_tokens == 20
        assert model.generation.request_generation_tokens.sum == 20
        assert model.generation.time_to_first_token.cumulative()[-1] == 1
        assert model.generation.inter_token_latency.cumulative()[-1] == 19


async def test_a_stop_string_ends_it_and_is_not_told(folder: Path) -> None:
    with writing(folder) as model:
        whole = model.tokenizer.decode(plain((9, 10), 40))
        stop = whole[7:9]
        found = whole.find(stop)
        sampling = SamplingParams(temperature=0.0, ignore_eos=True, max_tokens=40, stop=(stop,))
        answer = await model.generate(GenerateRequest("writer", (9, 10), sampling))
        deltas = [delta async for delta in answer]
        assert "".join(delta.text for delta in deltas) == whole[:found]
        assert (deltas[-1].finish_reason, deltas[-1].stop_reason) == (FinishReason.STOP, stop)
        assert answer.completion_tokens < 40
        assert model.batcher.running == 0


async def test_a_stop_token_ends_it_and_is_no_text(folder: Path) -> None:
    with writing(folder) as model:
        expected = plain((9, 10), 10)
        sampling = SamplingParams(temperature=0.0, ignore_eos=True, max_tokens=40, stop_token_ids=(expected[4],))
        deltas = [delta async for delta in await model.generate(GenerateRequest("writer", (9, 10), sampling))]
        at = expected.index(expected[4])
        assert "".join(delta.text for delta in deltas) == model.tokenizer.decode(expected[:at])
        assert (deltas[-1].finish_reason, deltas[-1].stop_reason) == (FinishReason.STOP, expected[4])


async def test_the_same_seed_gives_the_same_answer_whoever_else_is_written(folder: Path) -> None:
    sampling = SamplingParams(seed=5, max_tokens=30, ignore_eos=True)
    with writing(folder) as model:
        alone = await tokens(await model.generate(GenerateRequest("writer", (3, 4, 5), sampling)))
        others = [asyncio.create_task(written(model, prompt, 30)) for prompt in prompts(6, 2)]
        beside = await tokens(await model.generate(GenerateRequest("writer", (3, 4, 5), sampling)))
        await asyncio.gather(*others)
        another = await tokens(
            await model.generate(GenerateRequest("writer", (3, 4, 5), SamplingParams(max_tokens=30, ignore_eos=True)))
        )
    assert alone == beside != another


async def test_what_does_not_fit_into_the_context_is_refused(folder: Path) -> None:
    with writing(folder) as model:
        with pytest.raises(ContextTooLong, match=r"maximum context length is 128 tokens.*your prompt has 128"):
            await model.generate(GenerateRequest("writer", (5,) * 128, GREEDY))
        with pytest.raises(ContextTooLong, match="requested 30 output tokens and your prompt has 100"):
            await model.generate(asked((5,) * 100, 30))
        answer = await model.generate(GenerateRequest("writer", (5,) * 120, FOREVER))
        assert len(await tokens(answer)) == 8


async def test_a_full_queue_refuses_and_who_leaves_makes_room(folder: Path) -> None:
    with writing(folder, max_num_seqs=1, max_num_queued_reqs=1) as model:
        running = await model.generate(asked((5,), 120))
        waiting = await model.generate(asked((6,), 120))
        with pytest.raises(Overloaded) as refused:
            await model.generate(asked((7,), 1))
        assert refused.value.retry_after >= 1
        await running.aclose()
        await waiting.aclose()
        assert await written(model, (7,), 3) == plain((7,), 3)
        assert model.generation.finished[FinishReason.ABORT] == 2
        assert model.statistics.failures[FailureReason.CANCELED] == 2
        assert model.statistics.success.count == 1, "who left was not answered"


async def test_who_would_begin_too_late_is_told_so(folder: Path) -> None:
    with writing(folder, max_num_seqs=1) as model:
        running = await model.generate(asked((5,), 120))
        late = await model.generate(asked((6,), 120, timeout=1e-6))
        with pytest.raises(DeadlineExceeded):
            await tokens(late)
        assert len(await tokens(running)) == 120


async def test_a_grammar_that_takes_longer_than_the_request_may_is_not_waited_for(folder: Path) -> None:
    sampling = SamplingParams(grammar=Grammar(GrammarKind.REGEX, "[0-9]{7}"))  # its trial is a process
    with writing(folder) as model, pytest.raises(DeadlineExceeded, match="grammar"):
        await model.generate(GenerateRequest("writer", (5,), sampling, timeout=0.001))


async def test_whose_time_is_over_gets_no_token_by_that(folder: Path) -> None:
    with writing(folder) as model:
        written = 0
        for timeout in (0.001 * 2**power for power in range(10)):  # from too short to long enough
            late = await model.generate(asked((5,), 120, timeout=timeout))
            going_on = await model.generate(asked((6,), 120))
            with suppress(DeadlineExceeded):
                written += len(await tokens(late))
            written += len(await tokens(going_on))
            assert model.generation.generation_tokens == written
        assert model.generation.finished[FinishReason.ABORT] > 0


async def test_closing_writes_what_was_accepted_and_refuses_the_rest(folder: Path) -> None:
    with writing(folder) as model:
        answers = [await model.generate(asked((number,), 50)) for number in range(5, 9)]
        closed = await asyncio.to_thread(model.close, 30)
        assert closed
        assert [len(await tokens(answer)) for answer in answers] == [50] * 4
        with pytest.raises(ModelNotReady):
            await model.generate(asked((5,), 1))


async def test_triton_asks_with_tensors(folder: Path) -> None:
    inputs = {"text_input": np.array([b"the quick"], object), "exclude_input_in_output": np.array([True])}
    request = InferRequest("writer", inputs, parameters={"max_tokens": 8, "temperature": 0.0, "ignore_eos": True})
    with writing(folder) as model:
        with pytest.raises(Unsupported, match="decoupled"):
            await model.infer(request)
        first, last = [response async for response in model.stream(request)]
        expected = model.tokenizer.decode(plain(model.tokenizer.encode("the quick"), 8))
        assert first.outputs["text_output"].tolist() == [expected.encode()]
        assert last.final
        assert not last.outputs


async def test_a_text_that_no_context_holds_is_refused_by_its_characters(folder: Path) -> None:
    with writing(folder) as model:
        model.check_length("a" * (128 * model.max_length))
        with pytest.raises(ContextTooLong, match=f"your prompt has {128 * model.max_length + 1} characters"):
            model.check_length("a" * (128 * model.max_length + 1))


async def test_a_long_text_holds_up_nobody(tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path / "1", replace(TINY, max_position_embeddings=2048))
    text = b"the quick brown fox " * 10_000
    with writing(tmp_path / "1") as model:
        responses = model.stream(InferRequest("writer", {"text_input": np.array([text], object)}))
        refused = asyncio.ensure_future(anext(responses))
        turns = 0
        while not refused.done():
            await asyncio.sleep(0.001)
            turns += 1
        with pytest.raises(ContextTooLong):
            await refused
        assert turns > 10


async def test_what_many_stop_strings_are_made_into_is_made_once_for_n_answers(folder: Path) -> None:
    stops = tuple(f"{number} never written {'. ' * 50}" for number in range(100))
    sampling = SamplingParams(temperature=0.0, ignore_eos=True, max_tokens=20, stop=stops)
    gc.collect()  # the other tests' go
    with writing(folder, max_num_seqs=2) as model:
        answers = [await model.generate(GenerateRequest("writer", (5, 6, 7), sampling)) for _ in range(20)]
        of_these = [each for each in gc.get_objects() if type(each) is StopStrings and each._automaton.has_stops]
        assert len({id(each._automaton) for each in of_these}) == 1
        assert [await tokens(answer) for answer in answers] == [plain((5, 6, 7), 20)] * 20

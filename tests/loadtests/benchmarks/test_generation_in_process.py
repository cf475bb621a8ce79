from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from tokenizers import Tokenizer

from loadtests.benchmarks.generation_in_process import bare, engine
from loadtests.benchmarks.generation_load import Answer, Load
from loadtests.benchmarks.generation_models import Written, prompts


def load(written: Written, callers: int) -> Load:
    tokenizer = Tokenizer.from_file(str(written.folder / "tokenizer.json"))
    return Load("some", tuple(islice(prompts(tokenizer, 0), 5)), 6, callers)


def ids(answers: Sequence[Answer]) -> list[tuple[int, ...]]:
    return [answer.ids for answer in answers]


async def test_the_engine_writes_what_the_bare_decoder_writes_alone(written: Written) -> None:
    async with bare(written) as write:
        alone = await write(load(written, 1))
        together = await write(load(written, 3))
    async with engine(written) as write:
        found = await write(load(written, 5))
    assert ids(found) == ids(together) == ids(alone)
    tokenizer = Tokenizer.from_file(str(written.folder / "tokenizer.json"))
    for answer in found:
        assert answer.text == tokenizer.decode(answer.ids)
    for answer in [*found, *together]:
        assert len(answer.ids) == answer.tokens == 6
        assert answer.planned <= answer.chunks[0] <= answer.chunks[-1]


async def test_the_bare_decoder_knows_no_arrivals(written: Written) -> None:
    async with bare(written) as write:
        assert await write(replace(load(written, 1), departures=(0.0,) * 5)) == []

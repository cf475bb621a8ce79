import asyncio
import time

import pytest

from loadtests.benchmarks.generation_load import Answer, Load, drive, slip, timed
from loadtests.benchmarks.generation_models import Prompt


class Callee:
    """Answers after a while with as many chunks as tokens, and knows how many it had to answer at once."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.seconds = seconds
        self.now = self.most = 0

    async def ask(self, prompt: Prompt, count: int, planned: float) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        sent = time.perf_counter()
        await asyncio.sleep(self.seconds)
        self.now -= 1
        return Answer(planned, sent, tuple([time.perf_counter()] * count), count, ids=prompt)


PROMPTS = tuple((number,) for number in range(10))


async def test_callers_send_one_after_another_and_answers_are_in_the_order_of_prompts() -> None:
    callee = Callee()
    answers = await drive(callee.ask, Load("3 callers", PROMPTS, 2, 3))
    assert [answer.ids for answer in answers] == list(PROMPTS)
    assert callee.most == 3


async def test_who_leaves_at_a_moment_waits_for_nobody() -> None:
    callee = Callee(0.2)
    answers = await drive(callee.ask, Load("a rate", PROMPTS, 2, departures=tuple(0.005 * n for n in range(10))))
    assert callee.most == 10
    offsets = [answer.planned - answers[0].planned for answer in answers]
    assert offsets == pytest.approx([0.005 * n for n in range(10)])
    assert all(answer.sent >= answer.planned for answer in answers)


def test_durations_count_from_when_it_should_have_left() -> None:
    answer = Answer(planned=1.0, sent=1.5, chunks=(2.0, 2.25, 3.0), tokens=5)
    assert (answer.first, answer.whole, answer.gaps) == (1.0, 2.0, [0.25, 0.75])
    assert answer.each_token == 0.25
    assert Answer(1.0, 1.0, (2.0,), 1).each_token == 0
    assert slip([answer, Answer(1.0, 1.25)]) == 0.5


async def test_the_processor_time_of_who_writes_is_measured() -> None:
    used = iter([3.0, 4.5])
    found = await timed(lambda load: drive(Callee().ask, load), Load("one", PROMPTS, 2), lambda: next(used))
    assert found.cpu_seconds == 1.5
    assert found.seconds > 0
    assert len(found.answers) == 10

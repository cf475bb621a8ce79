"""The thread with a real tiny decoder; one that fails on purpose where a failure is what is looked at."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.backends.ort_decoder import load
from serving.core.generation import FinishReason, SamplingParams
from serving.core.model_config import parse
from serving.engine.text_stream import TextStream
from serving.engine.writing import Writing
from serving.engine.writing_thread import Told, WritingThread
from serving.errors import BackendFailed, ModelNotReady
from serving.sampling.sampler import SamplerState
from serving.scheduling.continuous import ContinuousBatcher, Limits
from serving.scheduling.continuous import Sequence as TokenSequence
from serving.text.stop_strings import StopStrings
from serving.text.tokenizer import TextTokenizer
from tests.tiny_decoders import greedy, tiny_decoder, write_tiny_decoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thread") / "1"
    write_tiny_decoder(folder)
    return folder


class Faulty:
    """A decoder that fails when it is told to, or says what is no number in one row."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.fails = False
        self.row_of_nan: int | None = None
        self.decodes = threading.Event()
        self.may_decode = threading.Event()
        self.may_decode.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        self.decodes.set()
        assert self.may_decode.wait(30)
        if self.fails:
            raise RuntimeError("out of order")
        logits: np.ndarray = self._decoder.decode(tokens, lengths)
        if self.row_of_nan is not None and self.row_of_nan < len(logits):
            logits[self.row_of_nan] = np.nan
        return logits


class Thread:
    """The thread under test, and what it delivered."""

    def __init__(self, folder: Path, rows: int, batcher: type[ContinuousBatcher] = ContinuousBatcher) -> None:
        config = parse('backend: "onnxruntime"', "m")
        self.decoder = Faulty(load(folder, config, "cpu", rows, 0))
        self.batcher = batcher(rows, self.decoder.max_length, Limits())
        self.tokenizer = TextTokenizer.read(folder)
        self.delivered: queue.Queue[Told] = queue.Queue()
        self.thread = WritingThread("m", self.batcher, self.decoder, self.delivered.put)

    def writing(self, prompt: list[int], count: int) -> Writing:
        state = SamplerState(SamplingParams(temperature=0.0, ignore_eos=True), prompt, (), 0)
        sequence = TokenSequence(list(prompt), count, 0, state.stop_ids)
        stream: Any = TextStream(None)  # type: ignore[arg-type] # nobody reads it
        return Writing(sequence, state, self.tokenizer.detokenizer(), StopStrings(()), stream)

    def submit(self, prompt: list[int], count: int) -> Writing:
        writing = self.writing(prompt, count)
        self.thread.submit(writing)
        return writing

    def collect(self, *writings: Writing) -> dict[int, Any]:
        """Of each, by its identity: the tokens, or the error it ended with."""
        found: dict[int, Any] = {id(writing): [] for writing in writings}
        going_on = set(found)
        while going_on:
            told = self.delivered.get(timeout=30)
            for writing, token, number, reason in told.said:
                found[id(writing)].append(token.id)
                assert number == len(found[id(writing)])
                if reason is not None:
                    going_on.discard(id(writing))
            for writing, error in told.failed:
                found[id(writing)] = error
                going_on.discard(id(writing))
        return found


class OutOfOrder(ContinuousBatcher):
    """What no test has found yet: the scheduler itself fails."""

    def complete(self, *_: object) -> None:
        raise ZeroDivisionError("by mistake")


@contextmanager
def thread(folder: Path, rows: int = 4, batcher: type[ContinuousBatcher] = ContinuousBatcher) -> Iterator[Thread]:
    made = Thread(folder, rows, batcher)
    try:
        yield made
    finally:
        made.decoder.may_decode.set()
        assert made.thread.stop(30)
        made.decoder.close()


def plain(prompt: list[int], count: int) -> list[int]:
    return greedy(tiny_decoder(), prompt, count)


def test_each_gets_its_own_tokens(folder: Path) -> None:
    with thread(folder) as it:
        it.decoder.may_decode.clear()
        first = it.submit([5, 6, 7], 10)
        second = it.submit([8, 9], 10)
        it.decoder.may_decode.set()
        found = it.collect(first, second)
        assert found[id(first)] == plain([5, 6, 7], 10)
        assert found[id(second)] == plain([8, 9], 10)


def test_a_decoder_that_fails_costs_those_that_run_and_nobody_after_them(folder: Path) -> None:
    with thread(folder) as it:
        it.decoder.fails = True
        first, second = it.submit([5, 6, 7], 10), it.submit([8, 9], 10)
        found = it.collect(first, second)
        for error in found.values():
            assert isinstance(error, BackendFailed)
            assert "RuntimeError: out of order" in str(error)
        it.decoder.fails = False
        third = it.submit([5, 6, 7], 10)
        assert it.collect(third)[id(third)] == plain([5, 6, 7], 10), "nothing of the failed step is in the cache"


def test_a_row_without_numbers_costs_its_neighbours_nothing(folder: Path) -> None:
    with thread(folder) as it:
        it.decoder.may_decode.clear()
        first, second = it.submit([5, 6, 7], 10), it.submit([8, 9], 10)
        it.decoder.row_of_nan = 1
        it.decoder.may_decode.set()
        found = it.collect(first, second)
        (error,) = [each for each in found.values() if isinstance(each, BackendFailed)]
        assert "not finite" in str(error)
        (tokens,) = [each for each in found.values() if each is not error]
        assert tokens in (plain([5, 6, 7], 10), plain([8, 9], 10))


def test_whoever_leaves_is_told_nothing_and_frees_its_row(folder: Path) -> None:
    with thread(folder, rows=1) as it:
        it.decoder.may_decode.clear()
        leaves = it.submit([5, 6, 7], 100)
        stays = it.submit([8, 9], 5)
        assert it.thread.cancel(leaves)
        assert not it.thread.cancel(leaves)
        it.decoder.may_decode.set()
        assert it.collect(stays)[id(stays)] == plain([8, 9], 5)
        assert it.batcher.running == 0


def test_a_token_is_told_before_the_rest_of_its_step_is_computed(folder: Path) -> None:
    """Of two prompts that are read in one step, while a third sequence writes."""
    with thread(folder) as it:
        it.decoder.may_decode.clear()
        writes = it.submit([5, 6, 7], 10)
        assert it.decoder.decodes.wait(30)
        first, second = it.submit([8, 9], 2), it.submit([9, 8], 2)
        it.decoder.may_decode.set()
        _, _, *parts = [it.delivered.get(timeout=30) for _ in range(5)]
        assert [[said.writing for said in part.said] for part in parts] == [[writes], [first], [second]]
        assert [part.step is None for part in parts] == [True, True, False]


def test_a_thread_that_stops_writes_to_the_end_and_takes_no_more(folder: Path) -> None:
    made = Thread(folder, 2)
    writings = [made.submit([number], 30) for number in range(5, 9)]
    assert made.thread.stop(30)
    found = made.collect(*writings)
    assert [len(tokens) for tokens in found.values()] == [30] * 4
    assert all(writing.sequence.finish_reason is FinishReason.LENGTH for writing in writings)
    with pytest.raises(ModelNotReady):
        made.submit([5], 1)
    made.decoder.close()


def test_an_error_of_the_servers_own_leaves_nobody_waiting(folder: Path) -> None:
    with thread(folder, rows=1, batcher=OutOfOrder) as writer:
        writer.decoder.may_decode.clear()
        writings = [writer.submit([1, 2, 3], 5) for _ in range(3)]  # of which one has the row
        writer.decoder.may_decode.set()
        found = writer.collect(*writings)
        assert {str(found[id(writing)]) for writing in writings} == {writer.thread.broken}
        with pytest.raises(ModelNotReady, match=r"its thread ended \(ZeroDivisionError: by mistake\)"):
            writer.submit([1], 1)

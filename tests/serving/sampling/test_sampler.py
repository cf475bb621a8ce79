from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.generation import GREEDY, SamplingParams, Token
from serving.errors import BackendFailed, InvalidInput, SlipwayError
from serving.sampling.sampler import Matcher, SamplerState, sample

V = 203  # no multiple of what processors compute at once
EOS = 1


class Only:
    """A grammar: these tokens, one after the other."""

    def __init__(self, *tokens: int) -> None:
        self.left = list(tokens)

    @property
    def is_over(self) -> bool:
        return not self.left

    def mask(self, logits: np.ndarray) -> None:
        if not self.left:
            raise InvalidInput("there is no way on")
        kept = logits[self.left[0]]
        logits[:] = -np.inf
        logits[self.left[0]] = kept

    def accept(self, token: int) -> None:
        if self.left.pop(0) != token:
            raise InvalidInput("it was not allowed")


def state(params: SamplingParams = GREEDY, seed: int = 0, matcher: Matcher | None = None) -> SamplerState:
    return SamplerState(params, [4, 5, 6], [EOS], seed, matcher)


def logits_of(rows: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((rows, V)) * 3).astype(np.float32)


def only(answers: list[Token | SlipwayError]) -> Token:
    (token,) = answers
    assert isinstance(token, Token), token
    return token


def written(params: SamplingParams, logits: np.ndarray, seed: int = 0) -> Iterator[int]:
    one = state(params, seed)
    while True:
        yield only(sample(logits, [one])).id


def test_greedy_is_the_likeliest_and_of_equal_ones_the_lowest_id() -> None:
    logits = np.zeros((2, V), np.float32)
    logits[0, [7, 9]] = 3.0
    assert sample(logits, [state(), state(SamplingParams(temperature=9e-6))]) == [Token(7), Token(0)]


PARAMS = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([1.0, 0.8]),
    min_p=st.sampled_from([0.0, 0.1]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    frequency_penalty=st.sampled_from([0.0, 0.5]),
    min_tokens=st.sampled_from([0, 2]),
    logit_bias=st.sampled_from([{}, {3: 5.0}]),
    logprobs=st.sampled_from([None, 0, 3]),
)


@given(st.lists(PARAMS, min_size=1, max_size=8), st.randoms())
@settings(max_examples=60, deadline=None)
def test_a_sequence_is_bitwise_the_same_alone_and_among_any_others(params: list[SamplingParams], order) -> None:  # type: ignore[no-untyped-def]
    steps = [logits_of(len(params), step) for step in range(4)]
    alone = [state(each, seed) for seed, each in enumerate(params)]
    among = [state(each, seed) for seed, each in enumerate(params)]
    for logits in steps:
        rows = list(range(len(params)))
        order.shuffle(rows)
        together = sample(logits[rows], [among[row] for row in rows])
        assert dict(zip(rows, together, strict=True)) == {
            row: only(sample(logits[row : row + 1], [alone[row]])) for row in rows
        }


def test_the_same_seed_says_the_same_and_another_one_something_else() -> None:
    logits = logits_of(1)
    first, again, other = (written(SamplingParams(), logits, seed) for seed in (7, 7, 8))
    tokens = [next(first) for _ in range(100)]
    assert tokens == [next(again) for _ in range(100)] != [next(other) for _ in range(100)]


def test_logits_stay_as_they_are() -> None:
    logits = logits_of(1)
    before = logits.copy()
    sample(logits, [state(SamplingParams(repetition_penalty=2.0, top_p=0.5, logit_bias={3: 9.0}))])
    assert np.array_equal(logits, before)


def test_logprobs_are_of_the_model_itself() -> None:
    logits = logits_of(1)
    params = SamplingParams(temperature=0.0, logit_bias={3: 100.0}, repetition_penalty=1.5, logprobs=4)
    token = only(sample(logits, [state(params)]))
    expected = torch.from_numpy(logits[0]).double().log_softmax(0)
    best = torch.topk(expected, 4)
    assert token.id == 3
    assert token.logprob == pytest.approx(float(expected[3]), abs=1e-5)
    assert [each for each, _ in token.top] == best.indices.tolist()
    assert [value for _, value in token.top] == pytest.approx(best.values.tolist(), abs=1e-5)
    assert only(sample(logits, [state(SamplingParams(temperature=0.0, logprobs=0))])).top == ()


def test_no_stop_token_comes_before_min_tokens() -> None:
    logits = np.zeros((1, V), np.float32)
    logits[0, [EOS, 9]] = 5.0, 4.0
    stop = SamplingParams(temperature=0.0, min_tokens=2, stop_token_ids=(9, V + 5))
    one = state(stop)
    assert [only(sample(logits, [one])).id for _ in range(2)] == [0, 0]
    assert not one.stopped
    assert only(sample(logits, [one])).id == EOS
    assert one.stopped


def test_the_end_is_a_token_like_others_where_it_is_ignored() -> None:
    logits = np.zeros((1, V), np.float32)
    logits[0, EOS] = 5.0
    one = state(SamplingParams(temperature=0.0, ignore_eos=True))
    assert only(sample(logits, [one])).id == EOS
    assert not one.stopped


def test_presence_and_frequency_are_of_the_answer_and_repetition_of_the_prompt_too() -> None:
    logits = np.zeros((1, V), np.float32)
    logits[0, 4:8] = 4.0, 3.9, 3.8, 3.7
    follow = written(SamplingParams(temperature=0.0, presence_penalty=0.15, frequency_penalty=0.2), logits)
    assert [next(follow) for _ in range(5)] == [4, 5, 6, 7, 4]
    assert next(written(SamplingParams(temperature=0.0, repetition_penalty=1.2), logits)) == 7


def test_a_bias_forbids_and_forces() -> None:
    logits = logits_of(1)
    best = int(logits.argmax())
    assert next(written(SamplingParams(temperature=0.0, logit_bias={best: -100.0}), logits)) != best
    assert next(written(SamplingParams(logit_bias={77: 100.0}), logits)) == 77


def test_a_grammar_says_what_comes_and_when_it_is_over() -> None:
    one = state(SamplingParams(), matcher=Only(9, 8))
    assert only(sample(logits_of(1), [one])).id == 9
    assert not one.stopped
    assert only(sample(logits_of(1), [one])).id == 8
    assert one.stopped


@pytest.mark.parametrize("broken", [[np.nan], [np.inf], [np.inf, -np.inf], [-np.inf] * V])
def test_a_row_that_is_not_finite_fails_and_no_other(broken: list[float]) -> None:
    logits = logits_of(3)
    logits[1, : len(broken)] = broken
    states = [state(SamplingParams(), seed) for seed in range(3)]
    first, second, third = sample(logits, states)
    assert isinstance(second, BackendFailed)
    assert "not finite" in str(second)
    assert [first, third] == sample(logits[[0, 2]], [state(SamplingParams(), seed) for seed in (0, 2)])
    assert [each.position for each in states] == [1, 0, 1]


def test_a_token_that_the_model_excludes_is_no_error() -> None:
    logits = np.full((1, V), -np.inf, np.float32)
    logits[0, 9] = 0.0
    assert only(sample(logits, [state(SamplingParams(logprobs=5))])) == Token(9, 0.0, ((9, 0.0),))


def test_what_contradicts_itself_fails_alone() -> None:
    impossible = state(SamplingParams(min_tokens=1), matcher=Only(EOS))
    lost = state(SamplingParams(), matcher=Only())
    first, second, third = sample(logits_of(3), [impossible, lost, state()])
    assert isinstance(first, InvalidInput)
    assert "min_tokens" in str(first)
    assert isinstance(second, InvalidInput)
    assert str(second) == "there is no way on"
    assert third == Token(int(logits_of(3)[2].argmax()))


def test_large_vocabularies_are_sampled_in_parts_and_no_row_knows() -> None:
    logits = np.random.default_rng(0).standard_normal((5, 150_001)).astype(np.float32)
    params = [SamplingParams(), GREEDY, SamplingParams(top_p=0.9), SamplingParams(min_tokens=1), GREEDY]
    together = sample(logits, [state(each, seed) for seed, each in enumerate(params)])
    assert together == [only(sample(logits[[row]], [state(params[row], row)])) for row in range(5)]


def test_nobody_is_sampled_for_nobody() -> None:
    assert sample(np.empty((0, V), np.float32), []) == []


class Panic(BaseException):
    """As a library in Rust raises it."""


class Broken:
    """A matcher with a fault of its own."""

    is_over = False

    def __init__(self, when: str, fault: type[BaseException]) -> None:
        self._when = when
        self._fault = fault

    def mask(self, logits: np.ndarray) -> None:
        if self._when == "mask":
            raise self._fault(f"out of bounds: {len(logits)}")

    def accept(self, token: int) -> None:
        raise self._fault(f"out of bounds: {token}")


@pytest.mark.parametrize("when", ["mask", "accept"])
@pytest.mark.parametrize("fault", [IndexError, Panic])
def test_a_fault_of_one_row_is_that_rows(when: str, fault: type[BaseException]) -> None:
    first, second = sample(logits_of(2), [state(SamplingParams(), matcher=Broken(when, fault)), state()])
    assert isinstance(first, BackendFailed)
    assert f"{fault.__name__}: out of bounds" in str(first)
    assert second == Token(int(logits_of(2)[1].argmax()))


@pytest.mark.parametrize("when", ["mask", "accept"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_is_no_rows_fault(when: str, end: type[BaseException]) -> None:
    with pytest.raises(end):
        sample(logits_of(2), [state(SamplingParams(), matcher=Broken(when, end)), state()])

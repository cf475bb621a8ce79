"""Which token each sequence says next. Rule: a row's token depends on its own logits and state, never on neighbours.

In this order: logarithms of probabilities, from what the model said; `min_tokens`, penalties, `logit_bias`, the
grammar; `temperature`; `min_p`, `top_k`, `top_p`; a random number.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from typing import Protocol

import numpy as np

from serving.core.generation import SamplingParams, Token
from serving.errors import BackendFailed, InvalidInput, SlipwayError
from serving.sampling.chance import by_chance
from serving.sampling.logprobs import likeliest, normaliser
from serving.sampling.penalties import Penalties
from serving.sampling.uniforms import Uniforms

_GREEDY_BELOW = 1e-5  # temperature
_IN_CACHE = 1 << 18  # logits: 64 rows of 4,096; more at once are slower, since each pass goes to memory
_NOT_FINITE = "the model's logits are not finite: NaN or infinity came out of it"
_NOTHING_LEFT = (
    "no token may follow: the grammar and 'min_tokens' contradict each other, or the model excludes all that they allow"
)


class Matcher(Protocol):
    """What a grammar allows next, for one sequence."""

    def mask(self, logits: np.ndarray) -> None:
        """-inf in the place of what it doesn't allow, in one row [V]. Raises `InvalidInput` where it can't go on."""

    def accept(self, token: int) -> None:
        """The sequence goes on with one that it allowed. Raises `InvalidInput` where it can't."""

    @property
    def is_over(self) -> bool:
        """Nothing more may come."""


class SamplerState:
    """Of one sequence: what was asked, and what is remembered of what it said.

    `eos_ids` are the model's, `seed` is the request's or, where it has none, one that was chosen for it. `position` is
    how many tokens were chosen; `stopped` whether the last one ends the answer: a stop token, which is not text, or the
    end of its grammar. `max_tokens` and stop strings are for others to watch.
    """

    def __init__(
        self,
        params: SamplingParams,
        prompt: Iterable[int],
        eos_ids: Iterable[int],
        seed: int,
        matcher: Matcher | None = None,
    ) -> None:
        self.params = params
        self.position = 0
        self.stopped = False
        self.stop_ids = frozenset(params.stop_token_ids) | (frozenset() if params.ignore_eos else frozenset(eos_ids))
        self.greedy = params.temperature < _GREEDY_BELOW
        self._uniforms = Uniforms(seed)
        self._matcher = matcher
        self._bias = _pairs(params)
        self._penalties = _penalties(params, prompt)
        self._edits = matcher is not None or self._bias is not None or self._penalties is not None
        self.is_plain = self.greedy and params.logprobs is None and not self._edits and not params.min_tokens
        """Whether it always says the likeliest token, and nothing more of it."""

    def __repr__(self) -> str:
        return f"<SamplerState {self.position} tokens{', stopped' * self.stopped}>"

    @property
    def edits(self) -> bool:
        """Whether the next logits are to be changed before a token is chosen."""
        return self._edits or self.position < self.params.min_tokens

    def edit(self, logits: np.ndarray) -> None:
        """One row [V], in place."""
        if self.position < self.params.min_tokens:
            logits[[token for token in self.stop_ids if token < len(logits)]] = -np.inf
        if self._penalties is not None:
            self._penalties.apply(logits)
        if self._bias is not None:
            logits[self._bias[0]] += self._bias[1]
        if self._matcher is not None:
            self._matcher.mask(logits)

    def uniform(self) -> float:
        """The random number of this position."""
        return self._uniforms.at(self.position)

    def accept(self, token: int) -> None:
        self.position += 1
        if self._penalties is not None:
            self._penalties.accept(token)
        self.stopped = token in self.stop_ids
        if self._matcher is not None:
            self._matcher.accept(token)
            self.stopped = self.stopped or self._matcher.is_over


def sample(logits: np.ndarray, states: Sequence[SamplerState]) -> list[Token | SlipwayError]:
    """One token for each row of float32 [n, V], which its state has then accepted; the logits stay as they are.

    A row from which none can be chosen has an error in its place, and its state is not to be used again.
    """
    together = max(_IN_CACHE // logits.shape[1], 1)
    if len(states) <= together:
        return _sample(logits, states)
    starts = range(0, len(states), together)
    parts = [_sample(logits[start : start + together], states[start : start + together]) for start in starts]
    return list(chain.from_iterable(parts))


def _sample(logits: np.ndarray, states: Sequence[SamplerState]) -> list[Token | SlipwayError]:
    best = logits.argmax(axis=1)
    if all(state.is_plain for state in states):  # half of the work, for what is asked for most
        return [_likeliest(*it) for it in zip(best.tolist(), states, logits, strict=True)]
    peaks = logits[np.arange(len(states)), best]
    if not np.isfinite(peaks).all():  # the largest of a row with NaN is NaN
        return _of_sound_rows(logits, states, np.isfinite(peaks))
    changed, failed = _edited(logits, best, states)
    random = [row for row, state in enumerate(states) if not state.greedy and row not in failed]
    if random:
        some = [states[row] for row in random]
        uniforms = np.array([state.uniform() for state in some])
        best[random] = by_chance(_rows(changed, random), best[random], [state.params for state in some], uniforms)
    return [
        failed[row] if row in failed else _accepted(token, state, logits[row], peaks[row])
        for row, (token, state) in enumerate(zip(best.tolist(), states, strict=True))
    ]


def _likeliest(token: int, state: SamplerState, logits: np.ndarray) -> Token | SlipwayError:
    peak = float(logits[token])
    return _accepted(token, state, logits, peak) if isfinite(peak) else BackendFailed(_NOT_FINITE)


def _of_sound_rows(logits: np.ndarray, states: Sequence[SamplerState], sound: np.ndarray) -> list[Token | SlipwayError]:
    rows = np.flatnonzero(sound).tolist()
    tokens = iter(_sample(logits[rows], [states[row] for row in rows]))
    return [next(tokens) if is_sound else BackendFailed(_NOT_FINITE) for is_sound in sound]


def _edited(
    logits: np.ndarray, best: np.ndarray, states: Sequence[SamplerState]
) -> tuple[np.ndarray, dict[int, SlipwayError]]:
    """What tokens are chosen from, and why rows have none. Changes `best` where it is another one now."""
    failed: dict[int, SlipwayError] = {}
    edited = [row for row, state in enumerate(states) if state.edits]
    if not edited:
        return logits, failed
    changed = logits.copy()
    for row in edited:
        try:
            states[row].edit(changed[row])
        except BaseException as error:
            failed[row] = _blamed(error)
            continue
        best[row] = changed[row].argmax()
        if changed[row, best[row]] == -np.inf:
            failed[row] = InvalidInput(_NOTHING_LEFT)
    return changed, failed


def _rows(logits: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    return logits if len(rows) == len(logits) else logits[rows]


def _accepted(token: int, state: SamplerState, logits: np.ndarray, peak: float) -> Token | SlipwayError:
    try:
        state.accept(token)
    except BaseException as error:
        return _blamed(error)
    count = state.params.logprobs
    if count is None:
        return Token(token)
    norm = normaliser(logits, float(peak))
    top = likeliest(logits, count)
    return Token(token, float(logits[token]) - norm, tuple((int(each), float(logits[each]) - norm) for each in top))


def _blamed(error: BaseException) -> SlipwayError:
    """Whatever one row's state raised is nobody else's, panics of a library of grammars, which are no `Exception`,
    included. Raises what ends the process."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    if isinstance(error, SlipwayError):
        return error
    failure = BackendFailed(f"choosing a token failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _pairs(params: SamplingParams) -> tuple[np.ndarray, np.ndarray] | None:
    if not params.logit_bias:
        return None
    return np.array(list(params.logit_bias), np.int64), np.array(list(params.logit_bias.values()), np.float32)


def _penalties(params: SamplingParams, prompt: Iterable[int]) -> Penalties | None:
    repetition, presence, frequency = params.repetition_penalty, params.presence_penalty, params.frequency_penalty
    if (repetition, presence, frequency) == (1.0, 0.0, 0.0):
        return None
    return Penalties(repetition, presence, frequency, prompt)

"""A request that is being written: its sequence, how its tokens are chosen, and its text so far.

Rule: made on the event loop; the sequence and the sampler are then the writing thread's, the text stays the loop's.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from serving.core.generation import FinishReason, Token
from serving.core.timeline import Timeline
from serving.engine.text_stream import Delta, TextStream
from serving.sampling.sampler import SamplerState
from serving.scheduling.continuous import Sequence
from serving.text.detokenizer import Detokenizer
from serving.text.stop_strings import StopStrings


@dataclass(eq=False, slots=True)
class Writing:
    """Moments are in seconds of the thread's clock; infinite before they came."""

    sequence: Sequence
    sampler: SamplerState
    detokenizer: Detokenizer
    stop_strings: StopStrings
    stream: TextStream
    timeline: Timeline | None = None
    begun: float = inf
    first_token: float = inf
    last_token: float = inf

    def take(self, token: Token, number: int, reason: FinishReason | None) -> Delta:
        """What a token adds that was chosen as its `number`th, and whether the answer ends with it, for a `reason` that
        the thread has or because of its text. A stop token is no text; one that the request asked for is told."""
        is_stop_token = reason is FinishReason.STOP and token.id in self.sampler.stop_ids
        text = "" if is_stop_token else self.detokenizer.add(token.id)
        shown, stopped = self.stop_strings.add(text) if number >= self.sequence.min_tokens else (text, False)
        if not stopped and reason is not None:
            rest, stopped = self.stop_strings.add(self.detokenizer.end())
            shown += rest
        if stopped:
            return Delta(shown, (token,), FinishReason.STOP, self.stop_strings.matched)
        if reason is not None:
            shown += self.stop_strings.end()
        was_asked_for = is_stop_token and token.id in self.sampler.params.stop_token_ids
        return Delta(shown, (token,), reason, token.id if was_asked_for else None)

    def cut_off(self, reason: FinishReason) -> Delta:
        """What was held back, of an answer that is ended from outside between two tokens."""
        rest, stopped = self.stop_strings.add(self.detokenizer.end())
        if stopped:
            return Delta(rest, (), FinishReason.STOP, self.stop_strings.matched)
        return Delta(rest + self.stop_strings.end(), (), reason)


class Said(NamedTuple):
    """The `number`th token of an answer, the first being 1, and why it ends with it, if it does."""

    writing: Writing
    token: Token
    number: int
    reason: FinishReason | None

"""A request that is being written: its sequence, how its tokens are chosen, and its text so far.

Rule: made on the event loop, and then the writing thread's own.
"""

from dataclasses import dataclass
from math import inf

from serving.core.generation import FinishReason, Token
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
    begun: float = inf
    first_token: float = inf
    last_token: float = inf

    def take(self, token: Token) -> Delta:
        """What a token adds that was chosen, and whether the answer ends with it. A stop token is no text; one that the
        request asked for is the reason."""
        reason = self.sequence.finish_reason
        text = "" if reason is FinishReason.STOP else self.detokenizer.add(token.id)
        may_stop = self.sequence.written >= self.sequence.min_tokens
        shown, stopped = self.stop_strings.add(text) if may_stop else (text, False)
        if not stopped and reason is None and self.sampler.stopped:  # its grammar allows nothing more
            reason = FinishReason.STOP
        if not stopped and reason is not None:
            rest, stopped = self.stop_strings.add(self.detokenizer.end())
            shown += rest
        if stopped:
            return Delta(shown, (token,), FinishReason.STOP, self.stop_strings.matched)
        if reason is not None:
            shown += self.stop_strings.end()
        was_asked_for = reason is FinishReason.STOP and token.id in self.sampler.params.stop_token_ids
        return Delta(shown, (token,), reason, token.id if was_asked_for else None)

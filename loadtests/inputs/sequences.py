"""Requests to models that keep a state, each of which belongs to a sequence with a beginning and an end.

Rule: a sequence's requests leave one after another, which only callers who wait for their answers do; requests that
leave at a rate are each a sequence of its own.
"""

from collections.abc import Callable

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs.tensor_calls import Parameters
from loadtests.inputs.wanted import Wanted

_LONE = 256  # sequences of one request that can be under way without sharing a number


def sequences(wanted: Wanted, make: Callable[[Parameters], Call]) -> tuple[Call, ...]:
    """Caller k of n sends the requests k, k + n, k + 2 n and so on, which are his sequence. Raises `CannotTest`."""
    length, callers = wanted.sequence_length, wanted.concurrency
    if length == 1:
        return tuple(make(_told(number + 1, True, True)) for number in range(callers or _LONE))
    if callers is None:
        raise CannotTest(
            f"--sequence-length {length}: the order of a sequence's requests is only kept with --concurrency, since at "
            "a rate a request leaves before the one before is answered"
        )
    return tuple(
        make(_told(caller + 1, step == 0, step == length - 1)) for step in range(length) for caller in range(callers)
    )


def _told(number: int, start: bool, end: bool) -> Parameters:
    return {"sequence_id": number, "sequence_start": start, "sequence_end": end}

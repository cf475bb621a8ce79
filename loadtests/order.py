"""What a person wants of `slipway loadtest URL`: which load, on what, and what to find out by it.

Rule: whatever can't be meant, or together, is told before a load begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from loadtests import request_terms, terms
from loadtests.clients.trust import Trust
from loadtests.inputs.wanted import Wanted
from loadtests.load import Closed
from loadtests.load_options import LoadOptions
from loadtests.objective import parsed
from loadtests.replaying import replayed
from loadtests.run import Plan, Target
from loadtests.session import Question
from loadtests.targeting import Aim, target


@dataclass(frozen=True, slots=True)
class Order:
    """`notes` are to be borne in mind of whatever is found."""

    target: Target
    plan: Plan
    question: Question
    notes: Sequence[str] = ()


def ordered(options: LoadOptions) -> Order:
    """The server is asked for its model, and one request is tried. Raises `CannotTest`, and ValueError."""
    load = terms.load(options.rate, options.concurrency, options.arrivals)
    seconds = terms.seconds(options.seconds, options.requests, load)
    is_load = options.rate is not None or options.concurrency is not None
    is_search = bool(options.slo or options.sweep)
    terms.check(is_load, options.replay is not None, is_search, options.precision, seconds, options.requests)
    objectives = tuple(map(parsed, options.slo or ()))
    question = Question(objectives, terms.peak(options.plan, options.slo), options.sweep, options.precision)
    aim = _aim(options, load.concurrency if isinstance(load, Closed) and not is_search else None)
    plan = Plan(load, seconds, options.warm_up, options.processes, options.seed, requests=options.requests or inf)
    if options.replay is None:
        aimed, notes = target(aim), list[str]()
    else:
        aimed, again, notes = replayed(options.replay, options.speed, aim)
        plan = replace(plan, load=again.load, seconds=again.seconds, warm_up=0.0)
    question.check(aimed)
    return Order(replace(aimed, metrics_url=options.metrics_url), plan, question, notes)


def _aim(options: LoadOptions, concurrency: int | None) -> Aim:
    headers = tuple(terms.header(line) for line in options.header or ())
    wanted = Wanted(
        rows=options.rows,
        shapes=request_terms.shapes(options.shape or ()),
        values=request_terms.values(options.values or ()),
        prompt_tokens=request_terms.span("--prompt-tokens", options.prompt_tokens),
        max_tokens=request_terms.span("--max-tokens", options.max_tokens),
        stream=options.stream,
        hang_up_after=options.hang_up_after,
        extra=request_terms.extra(options.extra),
        sequence_length=options.sequence_length,
        concurrency=concurrency,
        seed=options.seed,
    )
    trust = Trust(options.insecure, str(options.ca_file or ""))
    url = options.url.rstrip("/")
    return Aim(url, options.model, options.protocol, options.data, wanted, headers, options.timeout, trust)

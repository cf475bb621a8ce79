"""A scenario, from its words to what came of it. Rule: what can't be made for a model is told before anything is sent,
unless the scenario asks for each model that there is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from loadtests.asking import CannotTest, document
from loadtests.call import Call
from loadtests.clients.trust import ssl_context
from loadtests.inputs.protocols import GRPC
from loadtests.inputs.wanted import Wanted
from loadtests.load import Closed
from loadtests.result import Ending, Result
from loadtests.result_file import Document
from loadtests.run import Plan, Target, run
from loadtests.scenarios.deeds import Deeds
from loadtests.scenarios.judging import Judged, Run, Seen, Verdict, judged
from loadtests.scenarios.scenario import EACH, Part, Scenario
from loadtests.scenarios.server_state import ServerState
from loadtests.scenarios.stage import Cast, Played, idle_after, play
from loadtests.server_side import usual_metrics_url
from loadtests.session import Onlooker, Question, answered
from loadtests.targeting import Aim, target

_GRPC_PORT = 8001
_CALLERS = 16
_FEWEST_SECONDS = 1.0  # in which it is measured what the server can do
_MEASURED = 0.1  # of the scenario's time

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What the command says of the server: `aim` as for other load tests, `capacity` in requests a second (None:
    measured), where its metrics are (None: at the usual port), and its gRPC address ("" for the usual port)."""

    aim: Aim
    metrics: str | None
    grpc: str = ""
    capacity: float | None = None
    processes: int = 1
    warm_up: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """A part with the model that it is for: `of` parts share what this part's model can do."""

    part: Part
    target: Target
    of: int = 1


def played(scenario: Scenario, given: Given, onlooker: Onlooker, say: Say) -> tuple[Document, list[Judged]]:
    """Raises `CannotTest` and `SenderDied`."""
    roles = [role for part in scenario.parts for role in _roles(part, given, say)]
    if scenario.find:
        return _knee(scenario, roles[0], given, onlooker)
    capacities = [_capacity(role, scenario, given, say) for role in roles]
    casts = [_cast(role, capacity, given) for role, capacity in zip(roles, capacities, strict=True)]
    deeds = Deeds(given.aim.url, given.aim.headers, given.aim.trust)
    state = ServerState(given.metrics or usual_metrics_url(given.aim.url))
    actions = [(each, each.model or roles[0].target.model) for each in scenario.actions]
    came = play(casts, actions, state, deeds)
    for cast, result in zip(casts, came.results, strict=True):
        onlooker.tell(result, cast.name)
    return _concluded(scenario, roles, casts, came, state)


def _concluded(
    scenario: Scenario, roles: Sequence[Role], casts: Sequence[Cast], came: Played, state: ServerState
) -> tuple[Document, list[Judged]]:
    idle = idle_after(state, scenario.checks.idle_s) if scenario.checks.idle_s is not None else None
    runs = tuple(
        Run(cast.name, result, role.part.highest() if len(role.part.phases) > 2 else (0.0, 0.0), cast.plan.seconds)
        for role, cast, result in zip(roles, casts, came.results, strict=True)
    )
    found = judged(scenario.checks, Seen(runs, tuple(came.done), tuple(came.memory), idle))
    decision: dict[str, Any] = {
        "kind": "scenario",
        "description": scenario.description,
        "parts": [cast.name for cast in casts],
        "checks": [asdict(each) for each in found],
        "memory": came.memory,
    }
    return Document(tuple(came.results), decision), found


def _knee(scenario: Scenario, role: Role, given: Given, onlooker: Onlooker) -> tuple[Document, list[Judged]]:
    plan = Plan(Closed(1), scenario.seconds, given.warm_up, given.processes, given.seed)
    document = answered(role.target, plan, Question(sweep=True), onlooker)
    if not document.decision:
        words = document.runs[-1].ended
        return document, [Judged("knee", Verdict.UNSURE, f"not looked for to the end: {words}")]
    knee = document.decision["knee"]
    found = [_knee_judged(knee, next((run for run in document.runs if run.offered == knee), None))]
    return replace(document, decision={**document.decision, "checks": [asdict(each) for each in found]}), found


def _knee_judged(knee: float | None, at: Result | None) -> Judged:
    if not knee or at is None:
        return Judged("knee", Verdict.FAILED, "nothing was answered")
    if at.invalid:
        return Judged("knee", Verdict.UNSURE, f"at {knee:.4g} requests/s, but {at.invalid[0]}")
    return Judged("knee", Verdict.PASSED, f"at {knee:.4g} requests/s")


def _roles(part: Part, given: Given, say: Say) -> list[Role]:
    if part.model != EACH:
        return [Role(part, _target(part, part.model or given.aim.model, given))]
    found: list[Target] = []
    for model in [given.aim.model] if given.aim.model else _ready(given.aim):
        try:
            found.append(_target(part, model, given))
        except CannotTest as error:
            say(f"left out: {error}")
    if not found:
        raise CannotTest("there is no model that requests could be made for")
    return [Role(part, each, len(found)) for each in found]


def _ready(aim: Aim) -> list[str]:
    encryption = ssl_context(aim.trust) if aim.url.startswith("https") else None
    index = document(aim.url, "/v2/repository/index", dict(aim.headers), b'{"ready": true}', encryption)
    return sorted({str(model["name"]) for model in index})


def _target(part: Part, model: str | None, given: Given) -> Target:
    wanted = replace(given.aim.wanted, rows=part.rows) if part.rows > 1 else given.aim.wanted
    url = (given.grpc or _grpc_address(given.aim.url)) if part.protocol == GRPC else given.aim.url
    protocol = part.protocol if part.protocol != "auto" else given.aim.protocol
    made = target(replace(given.aim, url=url, model=model, protocol=protocol, wanted=_with_callers(wanted, part)))
    calls = leaving(made.calls, part.hang_up, part.hang_up_after, made.model)
    return replace(made, metrics_url=given.metrics, calls=calls)


def _with_callers(wanted: Wanted, part: Part) -> Wanted:
    return replace(wanted, concurrency=part.phases[0].callers or None)


def _grpc_address(url: str) -> str:
    return f"grpc://{urlsplit(url).hostname}:{_GRPC_PORT}"


def leaving(calls: tuple[Call, ...], share: float, after: int, model: str) -> tuple[Call, ...]:
    """`calls`, of which a share hangs up, spread evenly. Raises `CannotTest` where there is nothing to hang up on."""
    if not share:
        return calls
    if not all(call.stream for call in calls):
        raise CannotTest(f"model '{model}' answers at once, so nobody can hang up: give --model with one that streams")
    return tuple(
        replace(call, hang_up_after=after) if int((index + 1) * share) > int(index * share) else call
        for index, call in enumerate(calls)
    )


def _capacity(role: Role, scenario: Scenario, given: Given, say: Say) -> float:
    """Requests a second that this role may call all of its share."""
    if not role.part.needs_capacity:
        return 0.0
    if given.capacity is not None:
        return given.capacity / role.of
    seconds = max(_FEWEST_SECONDS, _MEASURED * scenario.seconds / role.of)
    found = run(role.target, Plan(Closed(_CALLERS), seconds, 0.0, given.processes, given.seed))
    if found.ended == Ending.INTERRUPTED:
        raise KeyboardInterrupt
    if not found.answered:
        raise CannotTest(f"model '{role.target.model}' answered none of {_CALLERS} callers: {_said(found)}")
    say(f"{role.target.model}: {_CALLERS} callers are answered {found.answered:.4g} times a second")
    return found.answered / role.of


def _said(found: Result) -> str:
    return next(iter(found.messages), "nothing was said")


def _cast(role: Role, capacity: float, given: Given) -> Cast:
    load = role.part.load(capacity)
    plan = Plan(load, role.part.seconds, given.warm_up, given.processes, given.seed)
    return Cast(role.part.name or f"{role.target.model}, {role.target.protocol}", role.target, plan)

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.ledger import Fate, Kind, Ledger
from tests.soak.server import Figures
from tests.soak.soaking import unexpected
from tests.soak.verdict import Seen, reasons

JSON, LEAVERS, GRPC = Kind("JSON", "double"), Kind("leavers", "left"), Kind("gRPC", "double", grpc=True)
CROWDED = Kind("crowded", "crowded")
USUAL = Figures(100_000_000, 30, 20)
SUCCESS, FAILURE = "nv_inference_request_success", "nv_inference_request_failure"


def ledger(*fates: tuple[Kind, Fate, int]) -> Ledger:
    found = Ledger()
    for kind, fate, count in fates:
        for _ in range(count):
            found.sent[kind] += 1
            found.note(kind, fate, "so it was")
    return found


def counted(**changes: float) -> dict[tuple[str, str], float]:
    values = {"double": 15.0, "left": 3.0, "crowded": 2.0, "rejected": 4.0, "ok": 13.0, "refused": 4.0, "calls": 5.0}
    values.update(changes)
    return {
        **{(SUCCESS, f'model="{model}",version="1"'): values[model] for model in ("double", "left", "crowded")},
        (FAILURE, 'model="crowded",reason="REJECTED",version="1"'): values["rejected"],
        (FAILURE, 'model="left",reason="CANCELED",version="1"'): 2.0,
        ("slipway_http_replies_total", 'code="200"'): values["ok"],
        ("slipway_http_replies_total", 'code="503"'): values["refused"],
        ("slipway_grpc_calls_total", 'method="ModelInfer",code="OK"'): values["calls"],
    }


ALL = ((JSON, Fate.RIGHT, 10), (GRPC, Fate.RIGHT, 5), (LEAVERS, Fate.LEFT, 6), (CROWDED, Fate.RIGHT, 2))
REFUSED = (CROWDED, Fate.REFUSED, 4)


def seen(**changes: Any) -> Seen:
    held = Seen(ledger(*ALL, REFUSED), {}, counted(), USUAL, USUAL, samples(), (), kills=1)
    return replace(held, **changes)


def samples(**growth: float) -> list[tuple[float, Figures]]:
    """Every tenth second for 1000 s, growing by so much each."""
    return [
        (10.0 * at, Figures(*(round(getattr(USUAL, name) + growth.get(name, 0) * at) for name in USUAL.__slots__)))
        for at in range(100)
    ]


def test_what_adds_up_holds() -> None:
    assert reasons(seen()) == []
    assert reasons(seen(samples=samples(memory=100_000)[:50])) == [], "it has only begun"
    before: Mapping[tuple[str, str], float] = {(SUCCESS, 'model="double",version="1"'): 5.0}
    assert reasons(seen(before=before, after=counted(double=20))) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ledger": Ledger()}, "nothing was sent"),
        ({"ledger": ledger(*ALL, REFUSED, (JSON, Fate.WRONG, 1))}, "1 requests were answered wrong"),
        (
            {"after": counted(double=14)},
            "double: requests that the server answered: the server counts 14, its clients 15",
        ),
        ({"after": counted(double=16)}, "the server counts 16, its clients 15"),
        ({"after": counted(left=7)}, "the server counts 7, its clients 0 to 6"),
        ({"after": counted(rejected=3)}, "crowded: the server counts 3 failures, and its clients were told of 4"),
        ({"after": counted(ok=11)}, "HTTP replies 200: the server counts 11, its clients 12 and 6 who left"),
        ({"after": counted(refused=11)}, "HTTP replies 503: the server counts 11"),
        ({"after": counted(calls=4)}, "gRPC calls that ended OK: the server counts 4, its clients 5"),
        ({"samples": samples(memory=100_000)}, "memory grows by 36.0 MB an hour"),
        ({"samples": samples(descriptors=1)}, "descriptors rose from 67 in the load's second quarter"),
        ({"rests": replace(USUAL, threads=25)}, "25 threads are left after the load, 20 were there before it"),
        ({"kills": 0}, "no process was killed"),
        ({"logged": ["Traceback"]}, "the server logged: Traceback"),
    ],
)
def test_what_does_not_is_told_with_its_figures(changes: dict[str, Any], reason: str) -> None:
    assert any(reason in each for each in reasons(seen(**changes))), reasons(seen(**changes))


def test_a_request_that_is_never_over_is_told() -> None:
    found = ledger(*ALL, REFUSED)
    found.sent[JSON] += 1
    assert reasons(seen(ledger=found)) == ["JSON: 11 were sent, and 10 are accounted for"]


def test_the_log_may_tell_of_faults_that_were_made_and_no_others() -> None:
    log = """INFO double version 1 is ready
ERROR the process of model 'killed' version 1 was killed (SIGKILL), perhaps for want of memory; next start in 0 s
ERROR failing version 1: the model failed on this request: RuntimeError: not this row
ERROR Task exception was never retrieved
"""
    assert list(unexpected(log)) == ["ERROR Task exception was never retrieved"]

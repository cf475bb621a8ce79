"""What would help where an objective was missed. Rule: only what the figures show, and what can be changed."""

from collections.abc import Iterator

from loadtests.autoscaling.simulation import Setup
from loadtests.autoscaling.verdict import Verdict, lag


def advice(found: Verdict, setup: Setup, room: float, grew: float, sheds: bool) -> Iterator[str]:
    """`room` is the share by which the load may grow until new replicas are there, `grew` by which it did at most;
    `sheds` whether the server refuses what would be late."""
    if found.most >= setup.rules.most:
        yield f"it asked for all {setup.rules.most} replicas that it may have: give more with --max"
    if grew > room:
        yield (
            f"the load grew by up to {grew:.0%} in {lag(setup):.0f} s: a lower --target, more --min or a shorter "
            "--start-up leaves more room"
        )
    if not sheds:
        yield (
            "what waits for too long is served all the same, and more replicas are asked for because of it: "
            "latency_objective_ms in the model's config refuses it, and --sheds simulates that"
        )

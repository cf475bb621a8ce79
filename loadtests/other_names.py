"""What other load generators call our options. Rule: each is answered with ours, and none is taken."""

from collections.abc import Collection, Iterable

_OURS = {
    "--seconds": ("--duration", "--time", "--run-time", "--measurement-interval", "-d", "-t", "-z"),
    "--concurrency": (
        "--users",
        "--vus",
        "--clients",
        "--connections",
        "--max-concurrency",
        "--concurrency-range",
        "-c",
    ),
    "--rate": ("--qps", "--rps", "--request-rate", "--request-rate-range", "-q", "-r"),
    "--requests": ("--num-requests", "--num-prompts", "--request-count", "--iterations", "-n"),
    "--model": ("--model-name", "-m"),
    "--rows": ("--batch-size", "-b"),
    "--data": ("--input-data", "--dataset-path"),
    "--header": ("--headers", "-H"),
}
"""Of k6, wrk, hey, oha, Locust, perf_analyzer and vLLM's benchmark."""

_NAMES = {theirs: ours for ours, names in _OURS.items() for theirs in names}


def advice(args: Iterable[str], known: Collection[str]) -> str:
    """On the first option that only others have; "" where there is none."""
    for arg in args:
        option = arg.partition("=")[0]
        if option not in known and option in _NAMES:
            return f"there is no {option}; here it is {_NAMES[option]}"
    return ""

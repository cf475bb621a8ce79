"""What a server's own metrics say of its memory, and of whether it has anything to do.

Rule: the names are Prometheus', Triton's and vLLM's, so that other servers can be asked too.
"""

from contextlib import suppress
from urllib.request import urlopen

from loadtests.exposition import samples

_MEMORY = "process_resident_memory_bytes"
_AT_WORK = ("nv_inference_pending_request_count", "vllm:num_requests_running", "vllm:num_requests_waiting")
_TIMEOUT = 5.0  # seconds


class NoMetrics(Exception):
    """The text says where they were looked for, and why that came to nothing."""


class ServerState:
    """By the metrics at an address."""

    def __init__(self, metrics: str) -> None:
        self._metrics = metrics

    def at_work(self) -> float:
        """Requests that wait or run. Raises `NoMetrics`."""
        return sum(value for name, value in self._scraped() if name in _AT_WORK)

    def memory(self) -> float | None:
        """Bytes of the server's process, None where it does not tell."""
        with suppress(NoMetrics):
            return next((value for name, value in self._scraped() if name == _MEMORY), None)
        return None

    def _scraped(self) -> list[tuple[str, float]]:
        try:
            with urlopen(self._metrics, timeout=_TIMEOUT) as reply:
                text = reply.read().decode()
            found = [(name, float(value)) for name, _, value in samples(text)]
        except (OSError, ValueError) as error:
            raise NoMetrics(
                f"{self._metrics} has no metrics ({error}): give their address with --metrics-url"
            ) from None
        if not any(name in _AT_WORK for name, _ in found):
            raise NoMetrics(
                f"{self._metrics} says nothing of requests that wait: give another address with --metrics-url"
            )
        return found

"""A real server on free ports, in a thread of the test's own process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from serving import server
from serving.settings import Settings
from serving.stopping import Stop


@dataclass(frozen=True)
class RunningServer:
    http_port: int
    grpc_port: int
    metrics_port: int
    loop: asyncio.AbstractEventLoop
    stop: Stop
    admin_port: int | None = None

    @property
    def address(self) -> str:
        """As `tritonclient` takes it."""
        return f"127.0.0.1:{self.http_port}"

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text

    def metric(self, name: str) -> float | None:
        """`name` with its labels; None where there is no such line."""
        lines = (line.rpartition(" ") for line in self.metrics().splitlines())
        return next((float(value) for found, _, value in lines if found == name), None)

    def framework_tasks(self) -> int:
        """Requests that the web framework answers now, each of which is a task."""
        coroutines = (task.get_coro() for task in asyncio.all_tasks(self.loop))
        return sum(getattr(it, "__qualname__", "") == RequestResponseCycle.run_asgi.__qualname__ for it in coroutines)

    def wait_for_pending(self, model: str, count: int) -> None:
        """Return when that many requests wait in the model's queue."""
        name = f'nv_inference_pending_request_count{{model="{model}",version="1"}}'
        until(lambda: self.metric(name) == count, f"{name} is {count}")


def until(condition: Callable[[], object], what: str = "it never came", patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@contextmanager
def running(root: Path, **settings: Any) -> Iterator[RunningServer]:
    """Serve the models in `root` until the block ends; fails where the server does. Nothing is tuned unless asked for,
    which would take longer than most tests."""
    chosen = Settings(root, **{"http_port": 0, "grpc_port": 0, "metrics_port": 0, "auto_tune_secs": 0, **settings})
    started: list[server.Started] = []
    is_up = threading.Event()
    stop, failures = Stop(), []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()

        def on_started(parts: server.Started) -> None:
            started.append(parts)
            is_up.set()

        async def serve() -> None:
            stopped = await server.serve(chosen, on_started, stop)
            await stopped.close()

        def run() -> None:
            try:
                runner.run(serve())
            except BaseException as error:
                failures.append(error)
            finally:
                is_up.set()

        thread = threading.Thread(target=run, name="server")
        thread.start()
        is_up.wait()
        try:
            if started:
                ports = (started[0].http_port, started[0].grpc_port, started[0].metrics_port)
                yield RunningServer(*ports, loop, stop, started[0].admin_port)
        finally:
            if thread.is_alive():
                loop.call_soon_threadsafe(stop.now)
            thread.join()
        if failures:
            raise failures[0]

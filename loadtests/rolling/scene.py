"""Two replicas behind a balancer, the clients that ask them, and what becomes of a replica meanwhile.

Rule: a replica goes when its successor is asked; whether the balancer hears of its end in time is what is found out.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from loadtests.clients.client import Client
from loadtests.rolling.balancer import AGAIN, ELSEWHERE, Balancer, Door, balancing
from loadtests.rolling.clients import BALANCED, RETRIES, Json, Patient, Stream, Triton, TritonGrpc, Writer, expected
from loadtests.rolling.nginx import PROGRAM as NGINX
from loadtests.rolling.nginx import Nginx, nginx
from loadtests.rolling.replicas import Replica, ReplicaFailed, Replicas, Slot, free_slots, replicas
from loadtests.rolling.traffic import Paced

CHECKED = (Door("http"), Door("grpc", grpc=True))
TOLD = (Door("service-http", checks=False), Door("service-grpc", grpc=True, checks=False))
FORGIVING = (
    Door("redispatching-http", retries=ELSEWHERE),
    Door("redispatching-grpc", grpc=True, retries=ELSEWHERE),
    Door("retrying-http", retries=AGAIN),
    Door("retrying-grpc", grpc=True, retries=AGAIN),
)
_SLOTS = "abc"
_MORE = 20  # requests before a replica is killed, and after it
_SEEN_WITHIN = 10.0  # seconds

PLAIN = ("killed-json", "killed-grpc", "killed-stream")
_STREAMS = 0.25  # of the rate; a stream is many answers


@dataclass(frozen=True, slots=True)
class Scene:
    replicas: Replicas
    balancer: Balancer
    slots: tuple[Slot, ...]
    expected: Mapping[str, Stream]
    nginx: Nginx | None

    def updated(self, rate: float) -> Mapping[str, Paced]:
        """None of which asks twice, but gRPC on a connection that stays to the end."""
        http, grpc, service, service_grpc = (door.name for door in (*CHECKED, *TOLD))
        asked: dict[str, Client] = {
            "json": Json("json", self._url(http)),
            "tritonclient": Triton("tritonclient", self._address(http)),
            "grpc": TritonGrpc("grpc", self._address(grpc)),
            "stream": Writer("stream", self._url(http), self.expected),
            "service-json": Json("service-json", self._url(service)),
            "service-new": Json("service-new", self._url(service), is_kept=False),
            "service-tritonclient": Triton("service-tritonclient", self._address(service)),
            "service-grpc": TritonGrpc("service-grpc", self._address(service_grpc), RETRIES),
            "service-stream": Writer("service-stream", self._url(service), self.expected),
            "round-robin": TritonGrpc("round-robin", self._addresses(), BALANCED),
        }
        if self.nginx is not None:
            url = f"http://{self.nginx.http}"
            asked["nginx-json"] = Json("nginx-json", url, is_kept=False)
            asked["nginx-stream"] = Writer("nginx-stream", url, self.expected)
            asked["nginx-grpc"] = TritonGrpc("nginx-grpc", self.nginx.grpc)
        return _paced(asked, rate)

    def killed(self, rate: float) -> Mapping[str, Paced]:
        """Of all but `PLAIN`, somebody asks again."""
        http, grpc, again, again_grpc = (door.name for door in FORGIVING)
        asked: dict[str, Client] = {
            "killed-json": Json("killed-json", self._url(http)),
            "killed-grpc": TritonGrpc("killed-grpc", self._address(grpc)),
            "killed-stream": Writer("killed-stream", self._url(http), self.expected),
            "again-json": Json("again-json", self._url(again)),
            "again-grpc": TritonGrpc("again-grpc", self._address(again_grpc)),
            "patient-json": Patient(Json("patient-json", self._url(http))),
            "patient-grpc": TritonGrpc("patient-grpc", self._address(grpc), RETRIES),
            "patient-stream": Patient(Writer("patient-stream", self._url(http), self.expected)),
        }
        return _paced(asked, rate)

    def replace(self, told_after: float) -> int:
        """The oldest by a new one. Doors that don't look themselves are told `told_after` seconds after SIGTERM; the
        exit code of the one that went."""
        self.join()
        going = self.replicas.live[0]
        going.signal(signal.SIGTERM)
        time.sleep(told_after)
        for told in self._told():
            told.remove(going.slot)
        code = going.ended()
        self.replicas.retire(going)
        return code

    def kill(self) -> float:
        """The oldest, in the midst of requests, while others go on; when it was dead, by the monotonic clock."""
        going, staying = self.replicas.live[:2]
        self._wait_for_more(going)
        self._wait(lambda: self.balancer.under_way(going.slot) > 1)
        going.kill()
        dead = time.monotonic()
        self.replicas.retire(going)
        self._wait_for_more(staying)
        return dead

    def join(self) -> None:
        """One more replica."""
        self.replicas.start(1)
        newest = self.replicas.live[-1].slot
        for told in self._told():
            told.add(newest)
        self.wait_until_seen()

    def wait_until_seen(self) -> None:
        """All replicas, by all doors."""
        for replica in self.replicas.live:
            self._wait(partial(self.balancer.sees, replica.slot))

    def _told(self) -> list[Balancer | Nginx]:
        return [self.balancer] if self.nginx is None else [self.balancer, self.nginx]

    def _wait_for_more(self, replica: Replica) -> None:
        asked = self.balancer.asked(replica.slot)
        self._wait(lambda: self.balancer.asked(replica.slot) > asked + _MORE)

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _SEEN_WITHIN
        while not condition():
            if time.monotonic() > end:
                raise ReplicaFailed("the balancer does not see what it should")
            time.sleep(0.01)

    def _address(self, door: str) -> str:
        return f"127.0.0.1:{self.balancer.ports[door]}"

    def _url(self, door: str) -> str:
        return f"http://{self._address(door)}"

    def _addresses(self) -> str:
        """Of all that there may ever be, as a name that has several addresses."""
        return "ipv4:" + ",".join(f"127.0.0.1:{slot.grpc}" for slot in self.slots)


@contextmanager
def scene(repository: Path, options: tuple[str, ...], folder: Path) -> Iterator[Scene]:
    """`slipway serve` with `options`; what it writes goes into `folder`."""
    slots = free_slots(_SLOTS)
    with ExitStack() as opened:
        balancer = opened.enter_context(balancing((*CHECKED, *TOLD, *FORGIVING), slots, folder))
        started = opened.enter_context(replicas(slots, repository, options, folder))
        live = tuple(replica.slot for replica in started.live)
        other = opened.enter_context(nginx(live, folder)) if NGINX else None
        answers = asyncio.run(expected(f"http://127.0.0.1:{live[0].http}"))
        found = Scene(started, balancer, slots, answers, other)
        for slot in live:
            balancer.add(slot)
        found.wait_until_seen()
        yield found


def _paced(clients: Mapping[str, Client], rate: float) -> dict[str, Paced]:
    return {name: Paced(each, rate * (_STREAMS if "stream" in name else 1)) for name, each in clients.items()}

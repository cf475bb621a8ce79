"""Which calls go the fast way, which others do though they look the same, and what it asks of its connection."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio

from serving.access.keys import Key, digest_of
from serving.access.restricted import Restriction
from serving.core.trace_settings import TraceSettings
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.trace_registry import TraceRegistry
from serving.engine.tracer import Tracer
from serving.protocols.grpc_wire import CallHead
from serving.settings import Access
from serving.transports.grpc.calls import Calls
from serving.transports.grpc.fast_call import FastCall
from serving.transports.grpc.fast_calls import LARGEST, METHOD, FastCalls
from serving.transports.held_memory import HeldMemory
from tests import scaled_models, tiny_models
from tests.grpc_client import channel_to, messages, output
from tests.integration.test_rollout import policy
from tests.running_server import running
from tests.serving.transports.grpc.test_fast_calls import HELD, ROW, asked, double, tasks, told, wanting

HEAD = CallHead(METHOD, (), None, "identity", None)


class Noted:
    """A connection that notes what is said on it, and whether that is on its way."""

    peer = "ipv4:127.0.0.1:1"

    def __init__(self) -> None:
        self.is_lone = False
        self.is_open = True
        self.said: list[tuple[str, bytes]] = []
        self.asked_of = 0
        """Calls that have not ended."""

    def reply(self, _: int, __: bytes, body: bytes, ___: bytes) -> bool:
        self.said.append(("reply", body[5:]))
        return self.is_open

    def refuse(self, _: int, head: bytes) -> None:
        self.said.append(("refuse", head))

    def give_up(self, _: int) -> None:
        self.said.append(("give up", b""))

    def asked(self) -> bool:
        self.asked_of += 1
        return self.is_lone

    def ended(self, _: int, was_asked: bool) -> None:
        self.asked_of -= was_asked


class Asking:
    """One after another on a connection."""

    def __init__(self, engine: Engine) -> None:
        self.wire = Noted()
        self.calls = Calls()
        self.memory = HeldMemory()
        self.engine = engine
        self.fast = FastCalls(engine, self.memory, self.calls, is_open=True)

    def ask(self, message: Any, head: CallHead = HEAD) -> FastCall | None:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        return self.fast.ask(self.wire, 1, head, bytes(1) + len(data).to_bytes(4, "big") + data)  # type: ignore[arg-type]

    async def answered(self) -> tuple[str, bytes]:
        """What was said, once it is."""
        deadline = time.monotonic() + 30
        while not self.wire.said:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        return self.wire.said.pop()

    def is_over(self) -> bool:
        """Nothing is left of what was asked."""
        return not (self.fast.running or self.calls.running or self.memory.held or self.wire.asked_of)


@pytest_asyncio.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "held", extra=HELD)
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    add_words(tmp_path)
    for name in ("double", "held", "text", "words"):
        await asyncio.to_thread(registry.load, name)
    untraced = Tracer(TraceRegistry(TraceSettings()), None)
    yield Asking(Engine(registry, Dependencies(registry), Promotions(registry, print), untraced))
    assert await asyncio.to_thread(registry.close, 10)


def add_words(root: Path) -> None:
    """Each number as a text."""
    folder = tiny_models.write_config(
        root,
        "words",
        """backend: "onnxruntime" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_STRING dims: 4 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (float[n, 4] x) => (string[n, 4] y) { y = Cast <to = 8> (x) }"
    )


def numbers(said: tuple[str, bytes]) -> list[object]:
    assert said[0] == "reply"
    return output(messages.ModelInferResponse.FromString(said[1]))


async def test_a_call_is_over_once_its_answer_is_on_its_way(asking: Asking) -> None:
    for number in range(3):
        call = asking.ask(double(ROW + number))
        assert call is not None
        assert call.is_running
        assert not call.done()
        assert numbers(await asking.answered()) == (2 * (ROW + number)).ravel().tolist()
        assert call.done()
        assert not call.is_running
        assert asking.is_over()
    assert asking.calls.ended == {("ModelInfer", "OK"): 3}


async def test_a_call_is_not_over_while_its_answer_is_not_read_but_its_inputs_are_gone(asking: Asking) -> None:
    asking.wire.is_open = False
    call = asking.ask(double())
    assert call is not None
    assert asking.memory.held == 48
    await asking.answered()
    assert (call.is_running, asking.memory.held, asking.wire.asked_of) == (True, 0, 1)
    call.sent()
    assert asking.is_over()


@pytest.mark.parametrize("leave", [FastCall.gone, FastCall.cut_off])
@pytest.mark.parametrize("is_answered", [False, True])
async def test_a_call_that_is_left_leaves_nothing(
    asking: Asking, leave: Callable[[FastCall], None], is_answered: bool
) -> None:
    asking.wire.is_open = False
    call = asking.ask(double(model="double" if is_answered else "held"))
    assert call is not None
    if is_answered:
        await asking.answered()
    leave(call)
    assert asking.is_over()
    assert call.cancelled() is not is_answered
    call.sent()
    call.gone()
    assert asking.is_over()
    code = "OK" if is_answered else "CANCELLED" if leave is FastCall.gone else "UNAVAILABLE"
    assert asking.calls.ended == {("ModelInfer", code): 1}
    said = [what for what, _ in asking.wire.said]
    assert said == ([] if leave is FastCall.gone else ["give up"] if is_answered else ["refuse"])


async def test_a_call_to_a_model_that_unloads_is_left_to_the_other_way(asking: Asking) -> None:
    """Which may find another."""
    model = asking.engine.alone("double")
    assert model is not None
    assert await asyncio.to_thread(model.close, 10)
    for _ in range(2):
        assert asking.ask(double()) is None
        assert asking.is_over()
    assert not asking.wire.said
    assert not asking.calls.ended


async def test_who_waits_until_the_server_stops_is_told(asking: Asking) -> None:
    calls = [asking.ask(double(model="held")) for _ in range(3)]
    asking.calls.exiting.set()
    assert asking.ask(double()) is None, "the other way refuses"
    assert await asking.fast.end(timeout=0.01) == 3
    assert [b"took longer than the server had to stop" in head for _, head in asking.wire.said] == [True] * 3
    assert asking.is_over()
    assert not any(call.is_running for call in calls if call)
    assert await asking.fast.end(timeout=30) == 0


async def test_a_server_that_stops_waits_for_those_that_are_answered(asking: Asking) -> None:
    asking.ask(double())
    assert await asking.fast.end(timeout=30) == 0
    assert numbers(await asking.answered()) == [2, 4, 6, 8]


async def test_a_lone_caller_is_answered_at_once_and_another_one_is_not(asking: Asking) -> None:
    async def is_at_once() -> bool:
        call = asking.ask(double())
        assert call is not None
        is_there = bool(asking.wire.said)
        assert call.is_running != is_there
        assert numbers(await asking.answered()) == [2, 4, 6, 8]
        assert asking.is_over()
        return is_there

    asking.wire.is_lone = True
    deadline = time.monotonic() + 60  # a machine that stalls seems slow for a while
    while not await is_at_once():
        assert time.monotonic() < deadline
    asking.wire.is_lone = False
    assert not any([await is_at_once() for _ in range(50)])


USUAL = double().SerializeToString()


def of_size(size: int) -> Any:
    """A message that has a long parameter."""
    around = len(told(double(), own="x" * 20_000).SerializeToString()) - 20_000
    return told(double(), own="x" * (size - around))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (CallHead("/inference.GRPCInferenceService/ModelReady", (), None, "identity", None), USUAL),
        (CallHead(METHOD, (("x-request-id", "7"),), None, "identity", None), USUAL),
        (CallHead(METHOD, (("traceparent", "7"),), None, "identity", None), USUAL),
        (HEAD, of_size(LARGEST + 1)),
        (HEAD, double(model="nope")),
        (HEAD, double(version="2")),
        (HEAD, double(ROW[:, :3])),
        (HEAD, double(model="text")),
        (HEAD, double(model="words")),
        (HEAD, wanting(double(), "y", classification=1)),
        (HEAD, wanting(double(), "y", shared_memory_region="r", shared_memory_byte_size=16)),
        (HEAD, b"\xff"),
    ],
)
async def test_what_is_unusual_is_left_to_the_other_way(asking: Asking, head: CallHead, message: Any) -> None:
    assert asking.ask(message, head) is None
    assert asking.ask(message, head) is None
    assert asking.is_over()
    assert not asking.wire.said
    assert not asking.calls.ended


async def test_what_is_large_but_not_too_large_is_not(asking: Asking) -> None:
    assert len(of_size(LARGEST).SerializeToString()) == LARGEST
    assert asking.ask(of_size(LARGEST)) is not None
    assert numbers(await asking.answered()) == [2, 4, 6, 8]


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\0\0", b"\1\0\0\0\0", b"\0\0\0\0\1", b"\0\0\0\0\0\0\0\0\0\0"],
    ids=["nothing", "too little", "packed", "cut short", "two messages"],
)
async def test_a_body_that_is_not_one_message_is_left_to_the_other_way(asking: Asking, body: bytes) -> None:
    assert asking.fast.ask(asking.wire, 1, HEAD, body) is None  # type: ignore[arg-type]


async def test_a_server_that_asks_who_calls_leaves_all_calls_to_the_other_way(asking: Asking) -> None:
    asking.fast._is_open = False
    assert asking.ask(double()) is None


async def test_unusual_messages_of_a_size_do_not_stand_in_the_way_of_others_for_good(asking: Asking) -> None:
    """They are not read each time, though."""
    unusual = double().SerializeToString().replace(b"FP32", b"INT8")
    for _ in range(10):
        assert asking.ask(unusual) is None
    tries = 0
    while asking.ask(double()) is None:
        tries += 1
        assert tries < 2000
    assert tries > 100
    assert numbers(await asking.answered()) == [2, 4, 6, 8]
    assert asking.ask(unusual) is None
    assert asking.ask(double()) is not None, "what is known is found before that"
    await asking.answered()


async def test_texts_are_not_read_here(asking: Asking) -> None:
    text = wanting(double(np.array([[b"a" * number for number in range(4)]], object), "text"))
    assert asking.ask(text) is None
    assert asking.is_over()


def held_by(root: Path, **settings: Any) -> Any:
    tiny_models.add_double(root, extra=HELD)
    return running(root, **settings)


KEY = Key("shop", digest_of("secret"))


@pytest.mark.parametrize(
    ("settings", "metadata"),
    [
        ({"access": Access(keys=(KEY,))}, (("x-api-key", "secret"),)),
        ({"access": Access(grpc_restricted=(Restriction(frozenset({"inference"}), "who", b"me"),))}, (("who", b"me"),)),
        ({"access_log_rate": 0.0}, ()),
        ({"record_file": "record.jsonl"}, ()),
    ],
    ids=["keys", "restrictions", "access log", "recorder"],
)
def test_where_somebody_looks_at_calls_none_goes_the_fast_way(
    tmp_path: Path, settings: dict[str, Any], metadata: tuple[tuple[str, str], ...]
) -> None:
    if "record_file" in settings:
        settings = {"record_file": tmp_path / "record.jsonl"}
    with held_by(tmp_path / "models", **settings) as server, channel_to(server) as channel:
        call = channel.unary_unary(METHOD).future(USUAL, metadata=metadata)
        server.wait_for_pending("double", 1)
        assert tasks(server) == 1
        call.cancel()
        server.wait_for_pending("double", 0)


def test_who_shows_no_key_is_refused(tmp_path: Path) -> None:
    with held_by(tmp_path, access=Access(keys=(KEY,))) as server, channel_to(server) as channel:
        assert asked(channel, USUAL).code is grpc.StatusCode.UNAUTHENTICATED
        assert asked(channel, USUAL, metadata=(("x-api-key", "another"),)).code is grpc.StatusCode.UNAUTHENTICATED


def test_calls_are_traced_from_when_that_is_switched_on(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path / "models")
    file = tmp_path / "trace.json"
    with running(tmp_path / "models", trace_file=file) as server, channel_to(server) as channel:
        change = channel.unary_unary(
            "/inference.GRPCInferenceService/TraceSetting",
            request_serializer=messages.TraceSettingRequest.SerializeToString,
        )

        def set_to(**values: str) -> None:
            setting = messages.TraceSettingRequest(model_name="double")
            for name, value in values.items():
                setting.settings[name].value.append(value)
            change(setting)

        def ask(*ids: str) -> None:
            for each in ids:
                assert asked(channel, double(request_id=each).SerializeToString()).code is grpc.StatusCode.OK

        ask("1", "2")
        set_to(trace_level="TIMESTAMPS", trace_rate="1")
        ask("3", "4")
        set_to(trace_level="OFF")
        ask("5")
        set_to(trace_level="TIMESTAMPS", trace_rate="2")
        ask("6", "7", "8", "9")
    traced = [line["request_id"] for line in json.loads(file.read_text()) if "request_id" in line]
    assert traced == ["3", "4", "7", "9"]


def test_a_rollout_has_its_share_of_calls(tmp_path: Path) -> None:
    rules = policy(strategy="canary", percent=50, min_requests=1000, max_disagreement=1, max_latency_ratio=100)
    scaled_models.add_scaled(tmp_path, 1, extra=rules)
    with (
        running(tmp_path, model_control_mode="explicit", load_model=("scaled",)) as server,
        channel_to(server) as channel,
    ):
        data = double(model="scaled").SerializeToString()

        def versions() -> list[str]:
            replies = (asked(channel, data).data for _ in range(20))
            return sorted(messages.ModelInferResponse.FromString(reply).model_version for reply in replies)

        assert versions() == ["1"] * 20
        scaled_models.publish(tmp_path, 2)
        load = messages.RepositoryModelLoadRequest(model_name="scaled").SerializeToString()
        channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")(load)
        assert versions() == ["1"] * 10 + ["2"] * 10


def test_a_cached_model_is_not_asked_the_same_twice(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    with running(tmp_path, response_cache_byte_size=2**20) as server, channel_to(server) as channel:
        for _ in range(5):
            asked(channel, USUAL)
        assert server.metric('nv_inference_exec_count{model="double",version="1"}') == 1
        assert server.metric('nv_cache_num_hits_per_model{model="double",version="1"}') == 4

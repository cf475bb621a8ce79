"""A client of /v1/completions that reads answers as they are written.

Rule: while an answer comes only the time of its chunks is noted; what is in them is read when it is over.
"""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp

from loadtests.benchmarks.generation_load import Answer, Writer, drive
from loadtests.benchmarks.generation_models import Prompt

_PATH = "/v1/completions"
_DATA = b"data:"
_DONE = b"[DONE]"
_TIMEOUT = aiohttp.ClientTimeout(total=600)


@dataclass(frozen=True, slots=True)
class Wire:
    """How a server is asked: the name that it has for the model, and what its body has besides. `tokenizer` is the
    file of one where prompts must be text."""

    model: str
    extra: dict[str, Any] = field(default_factory=dict)
    tokenizer: str = ""


TOKENS = {"ignore_eos": True, "return_token_ids": True}
"""What vLLM's API adds to OpenAI's."""


@asynccontextmanager
async def client(port: int, wire: Wire) -> AsyncIterator[Writer]:
    connector = aiohttp.TCPConnector(limit=0)
    url = f"http://127.0.0.1:{port}"
    text = _decoder(wire)
    async with aiohttp.ClientSession(url, connector=connector, timeout=_TIMEOUT) as session:

        async def ask(prompt: Prompt, count: int, planned: float) -> Answer:
            return await _ask(session, body(wire, text(prompt), count), planned)

        yield partial(drive, ask)


def body(wire: Wire, prompt: str | Sequence[int], count: int) -> bytes:
    document = {
        "model": wire.model,
        "prompt": prompt,
        "max_tokens": count,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **wire.extra,
    }
    return json.dumps(document).encode()


def read(planned: float, sent: float, events: Sequence[tuple[float, bytes]]) -> Answer:
    """`events` with the moments when they came. The tokens are those that the usage has; chunks without a choice are
    none."""
    times: list[float] = []
    text: list[str] = []
    ids: list[int] = []
    tokens = 0
    for moment, event in events:
        data = event.removeprefix(_DATA).strip()
        if not event.startswith(_DATA) or data == _DONE:
            continue
        document = json.loads(data)
        if "error" in document:
            return Answer(planned, sent, error=str(document["error"]))
        tokens = (document.get("usage") or {}).get("completion_tokens", tokens)
        for choice in document.get("choices") or ():
            times.append(moment)
            text.append(choice.get("text") or "")
            ids += choice.get("token_ids") or ()
    if not times or not tokens:
        return Answer(planned, sent, error=f"no tokens came, or no usage: {[event for _, event in events[-3:]]}")
    return Answer(planned, sent, tuple(times), tokens, "".join(text), tuple(ids))


async def _ask(session: aiohttp.ClientSession, sent_body: bytes, planned: float) -> Answer:
    sent = time.perf_counter()
    events: list[tuple[float, bytes]] = []
    try:
        async with session.post(_PATH, data=sent_body, headers={"Content-Type": "application/json"}) as reply:
            if reply.status != 200:
                return Answer(planned, sent, error=f"status {reply.status}: {(await reply.text())[:300]}")
            rest = b""
            async for received in reply.content.iter_any():
                now = time.perf_counter()
                *whole, rest = (rest + received).split(b"\n\n")
                events += [(now, event) for event in whole]
    except (aiohttp.ClientError, OSError) as error:
        return Answer(planned, sent, error=f"{type(error).__name__}: {error}")
    return read(planned, sent, events)


def _decoder(wire: Wire) -> Any:
    """A prompt's tokens as the server takes them."""
    if not wire.tokenizer:
        return list
    from tokenizers import Tokenizer

    return Tokenizer.from_file(wire.tokenizer).decode

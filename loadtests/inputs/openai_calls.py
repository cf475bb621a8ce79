"""Requests of OpenAI's API: completions, chats, embeddings.

Rule: a stream is asked for its count of tokens, since a chunk may have several.
"""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs.tensor_calls import JSON
from loadtests.inputs.wanted import Wanted
from loadtests.inputs.writing import Writing

COMPLETIONS, CHAT, EMBEDDINGS = "completions", "chat", "embeddings"
PATHS = {COMPLETIONS: "/v1/completions", CHAT: "/v1/chat/completions", EMBEDDINGS: "/v1/embeddings"}
_TEXTS = {COMPLETIONS: "prompt", CHAT: "messages", EMBEDDINGS: "input"}


def made_up(protocol: str, model: str, wanted: Wanted, writing: Writing, random: Random) -> Call:
    """Raises `CannotTest`."""
    return from_texts(protocol, model, [writing.prompt(random) for _ in range(wanted.rows)], wanted, writing, random)


def from_texts(protocol: str, model: str, texts: list[str], wanted: Wanted, writing: Writing, random: Random) -> Call:
    """Raises `CannotTest`."""
    if protocol == CHAT and len(texts) > 1:
        raise CannotTest(f"--rows {len(texts)}: a chat is one conversation; use --protocol completions")
    content: Any = [{"role": "user", "content": texts[0]}] if protocol == CHAT else texts
    if protocol == COMPLETIONS and len(texts) == 1:
        content = texts[0]
    options = wanted.extra if protocol == EMBEDDINGS else writing.options(random)
    return from_body(protocol, model, {_TEXTS[protocol]: content, **options}, wanted)


def from_body(protocol: str, model: str, body: Mapping[str, Any], wanted: Wanted) -> Call:
    """What a body does not say is the model, and whether it is answered by a stream."""
    document: dict[str, Any] = {"model": model, **body}
    if protocol == EMBEDDINGS:
        return Call(PATHS[protocol], json.dumps(document).encode(), headers=JSON, rows=_count(document.get("input")))
    stream = bool(document.setdefault("stream", wanted.stream))
    if stream:
        document.setdefault("stream_options", {"include_usage": True})
    return Call(
        PATHS[protocol],
        json.dumps(document).encode(),
        headers=JSON,
        rows=_count(document.get("prompt")),
        stream=stream,
        hang_up_after=wanted.hang_up_after if stream else 0,
    )


def _count(texts: Any) -> int:
    """Of a list of texts or of lists of tokens; a list of tokens is one text."""
    return len(texts) if isinstance(texts, list) and texts and not isinstance(texts[0], int) else 1

"""Who writes in a process of another environment: told a load as a line of JSON, it answers with another one.

Rule: its clock is ours, since both read the machine's.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from loadtests.benchmarks.generation_load import Answer, Load, Writer
from loadtests.benchmarks.peer_process import Command
from loadtests.benchmarks.server_process import ServerFailed

_LONGEST_LINE = 1 << 28
_LAST_WORDS = 2000


@asynccontextmanager
async def script(command: Command) -> AsyncIterator[Writer]:
    """Raises `ServerFailed` with its last words where it ends before its input does."""
    process = await asyncio.create_subprocess_exec(
        *command.words,
        cwd=command.folder,
        env={**os.environ, **command.environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())

    async def write(load: Load) -> list[Answer]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(load)).encode() + b"\n")
        line = await process.stdout.readline()
        if not line:
            raise ServerFailed(f"it ended:\n{(await said)[-_LAST_WORDS:].decode(errors='replace')}")
        return [_answer(fields) for fields in json.loads(line)]

    try:
        yield write
    finally:
        process.stdin.close()
        await process.wait()
        await said


def _answer(fields: dict[str, Any]) -> Answer:
    ids = tuple(fields["ids"])
    return Answer(fields["planned"], fields["sent"], tuple(fields["chunks"]), len(ids), ids=ids)

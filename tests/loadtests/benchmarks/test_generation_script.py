import sys
from pathlib import Path

import pytest

from loadtests.benchmarks.generation_load import Answer, Load
from loadtests.benchmarks.generation_script import script
from loadtests.benchmarks.peer_process import Command
from loadtests.benchmarks.server_process import ServerFailed

# Its answer to each prompt is the prompt, as long as it is to be.
ECHO = """
import json, os, sys
for line in sys.stdin:
    load = json.loads(line)
    moments = {"planned": 1.0, "sent": 2.0, "chunks": [3.0, 4.0]}
    print(json.dumps([{**moments, "ids": prompt[:load["count"]]} for prompt in load["prompts"]]), flush=True)
"""


async def test_loads_are_told_one_after_another(tmp_path: Path) -> None:
    async with script(Command([sys.executable, "-c", ECHO], tmp_path)) as write:
        assert await write(Load("one", ((5, 6, 7),), 2)) == [Answer(1.0, 2.0, (3.0, 4.0), 2, ids=(5, 6))]
        assert [it.ids for it in await write(Load("two", ((5, 6), (8, 9)), 2))] == [(5, 6), (8, 9)]


async def test_what_it_said_is_added_to_a_failure(tmp_path: Path) -> None:
    ends = Command(
        [sys.executable, "-c", "import os, sys; input(); sys.exit(os.environ['WORD'])"], tmp_path, {"WORD": "no room"}
    )
    async with script(ends) as write:
        with pytest.raises(ServerFailed, match="no room"):
            await write(Load("one", ((5, 6),), 2))

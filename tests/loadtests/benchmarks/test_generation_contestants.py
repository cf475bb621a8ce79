import sys
from pathlib import Path

import pytest

from loadtests.benchmarks.generation_client import TOKENS, Wire
from loadtests.benchmarks.generation_contestants import contestants, wait_for_first_answer
from loadtests.benchmarks.generation_load import Load, timed
from loadtests.benchmarks.generation_models import Written
from loadtests.benchmarks.generation_peers import LIBRARIES, PEERS
from loadtests.benchmarks.peer_process import Command, free_port, started_by
from loadtests.benchmarks.server_process import ServerFailed


def test_what_is_not_installed_is_told_with_what_to_do(tmp_path: Path) -> None:
    for environment in ("transformers", "genai"):
        python = tmp_path / environment / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    found, missing = contestants(tmp_path)
    ours, others = [it.name for it in found[:3]], [it.name for it in found[3:]]
    assert ours == ["slipway", "slipway, in process", "bare"]
    assert others == ["transformers", "transformers, in process", "onnxruntime-genai"]
    assert set(missing) == {*PEERS, *LIBRARIES} - {*others}
    assert "make bench-generation-peers" in missing["openvino"]


async def test_slipway_is_started_asked_and_its_processor_time_told(written: Written) -> None:
    slipway = contestants(Path("/nowhere"))[0][0]
    with slipway.start(written) as subject:
        async with subject.opens() as write:
            found = await timed(write, Load("some", ((5, 6), (7, 8, 9)), 20, 2), subject.cpu_seconds)
        assert subject.cpu_seconds() > 0.1
    assert [(answer.tokens, answer.error) for answer in found.answers] == [(20, "")] * 2


def test_a_server_that_ends_is_told_with_its_last_words(written: Written, tmp_path: Path) -> None:
    port = free_port()
    ends = Command([sys.executable, "-c", "import sys; sys.exit('no room')"], tmp_path)
    with pytest.raises(ServerFailed, match="no room"), started_by(ends, port) as server:
        wait_for_first_answer(server, Wire("tiny", TOKENS), written)

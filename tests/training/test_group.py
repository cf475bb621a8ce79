"""Several processes on this machine, started as torchrun starts them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.tiny_language import CONFIG as LANGUAGE
from tests.tiny_language import CONTEXT, HYPERPARAMETERS
from tests.training.small_task import CONFIG, task
from training.errors import InvalidConfig
from training.group import ALONE, Group, joined, leave
from training.language.task import LanguageTask
from training.loop import Trained, train
from training.models.decoder import Decoder, DecoderConfig
from training.snapshots import Snapshots

ROOT = Path(__file__).parents[2]
CLASSIFIER = replace(CONFIG, batch_size=7, epochs=2)  # 64 rows: the last batch has one, and so one process none
WRITER = replace(LANGUAGE, steps=6, max_gradient_norm=1.0, optimizer="adamw")


def writer() -> LanguageTask:
    tokens = torch.arange(1000) * 7 % 50
    return LanguageTask(
        lambda: Decoder(DecoderConfig(vocab_size=50, **HYPERPARAMETERS)),
        tokens,
        tokens[:100],
        CONTEXT,
        WRITER.batch_size,
    )


def trained(kind: str, group: Group, directory: Path | None = None) -> Trained:  # type: ignore[type-arg]
    snapshots = None if directory is None else Snapshots(directory, kind, seconds=0.0)
    if kind == "classifier":
        return train(task(CLASSIFIER, dropout=0.0), CLASSIFIER, group=group, snapshots=snapshots)
    config = replace(WRITER, accumulation=2) if kind == "parts" else WRITER
    return train(writer(), config, group=group, snapshots=snapshots)


def main(kind: str, shards: bool, directory: Path) -> None:
    with joined("cpu", shards) as group:
        done = trained(kind, group, directory)
        if group.is_first:
            torch.save(done.model.state_dict(), directory / "weights")
        (directory / f"rank-{group.rank}").touch()
    leave(0)


def together(kind: str, shards: bool, directory: Path) -> dict[str, torch.Tensor]:
    """The weights that two processes came to."""
    greedy = "sys.setswitchinterval(1000)"  # whoever needs the interpreter's lock waits to the end
    program = f"from tests.training.test_group import *; {greedy}; main({kind!r}, {shards}, Path({str(directory)!r}))"
    script = directory / "script.py"
    script.write_text(program)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert {path.name for path in directory.glob("rank-*")} == {"rank-0", "rank-1"}
    weights: dict[str, torch.Tensor] = torch.load(directory / "weights", weights_only=True)
    return weights


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}


def difference(weights: dict[str, torch.Tensor], model: nn.Module) -> float:
    return max(float((weights[name] - tensor).abs().max()) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(("kind", "shards"), [("classifier", False), ("parts", True)])
def test_two_processes_come_to_what_one_comes_to(kind: str, shards: bool, tmp_path: Path) -> None:
    weights = together(kind, shards, tmp_path)
    alone = trained(kind, ALONE)

    assert difference(weights, alone.model) < 2e-5


def test_two_processes_go_on_from_where_they_were_cut_off(tmp_path: Path) -> None:
    """From the last but one snapshot, sharded, whose weights and optimizer's state are whole on the disk."""
    weights = together("writer", True, tmp_path)
    assert difference(weights, trained("writer", ALONE).model) < 2e-5
    (tmp_path / "step-00000006.pt").unlink()
    (tmp_path / "weights").unlink()
    again = together("writer", True, tmp_path)

    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_alone_there_is_nobody_to_ask() -> None:
    with joined("cpu") as group:
        assert group == ALONE
    assert (ALONE.sum(2.5), ALONE.agree(True), ALONE.share(torch.arange(3)).tolist()) == (2.5, True, [0, 1, 2])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_told_before_anything_begins() -> None:
    with pytest.raises(InvalidConfig, match="--device cuda: PyTorch sees no GPU here"), joined("cuda"):
        pytest.fail("it began")
    with pytest.raises(InvalidConfig, match="--device must be cpu or cuda, got 'gpu'"), joined("gpu"):
        pytest.fail("it began")
    with pytest.raises(InvalidConfig, match="--shard is for several processes"), joined("cpu", shards=True):
        pytest.fail("it began")

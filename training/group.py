"""The processes that train one model together, as torchrun starts them; usually one.

Rule: every process has the same weights and takes the same steps; what is written, the first one writes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from training.errors import InvalidConfig

_TIMEOUT = timedelta(minutes=10)
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_SPREAD = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


@dataclass(frozen=True, slots=True)
class Group:
    """`rank` of `size` processes; with `shards`, each has a part of the weights (FSDP2), else all have all (DDP)."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    shards: bool = False

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, value: float) -> float:
        """Of all processes."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return total.item()

    def agree(self, value: bool) -> bool:
        """What the first process says."""
        if self.size == 1:
            return value
        said = torch.tensor(int(value), device=self.device)
        distributed.broadcast(said, 0)
        return bool(said.item())

    def share(self, rows: Tensor) -> Tensor:
        """This process's."""
        return rows[self.rank :: self.size]

    def spread(self, model: nn.Module) -> nn.Module:
        """What computes and brings gradients together; `model` stays what is looked at."""
        if self.size == 1:
            return model
        if not self.shards:
            return DistributedDataParallel(model)
        for module in model.modules():
            if isinstance(module, nn.ModuleList):
                for block in module:
                    fully_shard(block)
        fully_shard(model)
        return model

    def apart(self, spread: nn.Module, is_last: bool) -> AbstractContextManager[Any]:
        """While a part of a batch is computed: gradients come together with the last one only."""
        if isinstance(spread, DistributedDataParallel):
            return nullcontext() if is_last else spread.no_sync()
        if isinstance(spread, FSDPModule):
            spread.set_requires_gradient_sync(is_last)
        return nullcontext()

    def weights(self, model: nn.Module) -> dict[str, Tensor]:
        """Whole, on the CPU, and copies; every process has to ask. With `shards` only the first one gets any."""
        found: dict[str, Any] = get_model_state_dict(model, options=_WHOLE) if self.shards else model.state_dict()
        return {name: tensor.detach().cpu().clone() for name, tensor in found.items()}

    def set_weights(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        if self.shards:
            set_model_state_dict(model, dict(weights), options=_SPREAD)
        else:
            model.load_state_dict(weights)

    def of_optimizer(self, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
        """Its state, whole; as for weights."""
        return get_optimizer_state_dict(model, optimizer, options=_WHOLE) if self.shards else optimizer.state_dict()

    def set_optimizer(self, model: nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
        if self.shards:
            set_optimizer_state_dict(model, optimizer, state, options=_SPREAD)
        else:
            optimizer.load_state_dict(state)


ALONE = Group()


@contextmanager
def joined(device: str, shards: bool = False) -> Iterator[Group]:
    """The group that torchrun made, or this process alone on `device`; "cuda" is the process's own GPU. Raises
    `InvalidConfig` for what there is not."""
    if device not in ("cpu", "cuda"):
        raise InvalidConfig(f"--device must be cpu or cuda, got '{device[:100]}'")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidConfig(
            "--device cuda: PyTorch sees no GPU here, or is the build for CPUs; for the other: make TORCH_BACKEND=cu130"
        )
    if "RANK" not in os.environ:
        if shards:
            raise InvalidConfig(
                "--shard is for several processes; start them with torchrun --nproc-per-node=2 -m training"
            )
        yield Group(device=device)
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=_TIMEOUT)
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size(), device, shards)
    finally:
        distributed.destroy_process_group()


def leave(code: int) -> NoReturn:
    """Ends a process that torchrun started, without taking the interpreter down: PyTorch's caches of sharded tensors
    keep gloo's threads, and one of them that then lets go of a tensor aborts the process, and so the whole run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

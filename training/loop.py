"""The training loop, for every kind of task and any number of processes.

Rule: a seed gives the same weights to the last bit on one machine, however often a run was cut off and went on; the
process's own random state is not touched.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from training.config import TrainConfig
from training.determinism import deterministic
from training.errors import InvalidConfig, TrainingDiverged, TrainingError
from training.group import ALONE, Group
from training.optimizers import optimizers
from training.recompute import recompute
from training.schedule import learning_rate
from training.snapshots import Snapshots
from training.state import Point, TrainState
from training.task import Batch, Evaluation, Task, mixed

Found = TypeVar("Found", bound=Evaluation)

_LOOKED_AT = 16  # steps; a look makes a GPU wait
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Step:
    """That was taken, of so many `steps`; `point` where what is held out was looked at after it."""

    number: int
    steps: int
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Trained(Generic[Found]):
    """`model` is whole, in evaluation mode, and has the weights that are kept: those of `step`, which did as `held_out`
    says. Where weights were sharded, only the first process's has them."""

    model: nn.Module
    step: int
    held_out: Found
    history: tuple[Point, ...]


OnStep = Callable[[Step], None]


class Trainer(Protocol):
    """Trains a task on data of that fingerprint, where and as whoever made it wants."""

    def __call__(self, task: Task[Any, Found], config: TrainConfig, fingerprint: str, /) -> Trained[Found]: ...


def alone(task: Task[Any, Found], config: TrainConfig, _: str, /) -> Trained[Found]:
    """In this process, told to nobody, from the first step to the last."""
    return train(task, config)


def train(
    task: Task[Batch, Found],
    config: TrainConfig,
    on_step: OnStep = lambda _: None,
    group: Group = ALONE,
    snapshots: Snapshots | None = None,
) -> Trained[Found]:
    """`on_step` is called after each step, in this thread. Raises `TrainingDiverged`, and `CheckpointError` where the
    snapshots are another run's."""
    with deterministic(config.seed, config.threads or torch.get_num_threads()):
        run = _Run(task, config, group)
        if snapshots is not None:
            run.go_on_from(snapshots)
        for step in run.steps():
            on_step(step)
            if snapshots is not None and group.agree(snapshots.is_due()):
                snapshots.save(run.state, group)
        return run.trained()


def _built(task: Task[Any, Any]) -> nn.Module:
    """Raises `InvalidConfig` for sizes of which no network can be made."""
    try:
        return task.build()
    except TrainingError:
        raise
    except Exception as error:  # networks check their sizes in their own ways, or not at all
        raise InvalidConfig(f"no network can be made with these hyper-parameters: {str(error).strip()[:200]}") from None


class _Run(Generic[Batch, Found]):
    def __init__(self, task: Task[Batch, Found], config: TrainConfig, group: Group) -> None:
        self._task, self._config, self._group = task, config, group
        model = _built(task).to(group.device)
        if config.activation_checkpointing:
            recompute(model)
        self._spread = group.spread(model)
        scaler = GradScaler(group.device.partition(":")[0], enabled=config.precision == "fp16")
        nothing = torch.zeros((), dtype=torch.float64, device=group.device)
        self.state = TrainState(model, optimizers(model, config), scaler, nothing)
        self._compute = cast(nn.Module, torch.compile(self._spread)) if config.compile else self._spread
        self._order = self._order_of(0)
        self._count = config.steps or config.epochs * len(self._order)
        self._found: Found | None = None

    def go_on_from(self, snapshots: Snapshots) -> None:
        if snapshots.restore(self.state, self._group):
            self._order = self._order_of(self.state.pass_number)

    def steps(self) -> Iterator[Step]:
        state = self.state
        while state.step < self._count:
            if not state.model.training:
                state.model.train()
            self._take_step(self._next_rows())
            state.step += 1
            if state.step % _LOOKED_AT == 0:
                self._check(state.loss_sum.item())
            yield Step(state.step, self._count, self._point() if self._is_point() else None)

    def trained(self) -> Trained[Found]:
        state, model = self.state, self._task.build()
        is_best = self._config.keep == "best"
        weights = state.best_weights if is_best else self._group.weights(state.model)
        if weights:
            model.load_state_dict(weights)
        found = self._found if self._found and not is_best else self._task.evaluate(model)
        return Trained(model.eval(), state.best_step if is_best else state.step, found, tuple(state.history))

    def _order_of(self, number: int) -> Any:
        return self._task.order(number, self._config.seed, self._config.batch_size)

    def _next_rows(self) -> Tensor:
        state = self.state
        if state.taken == len(self._order):
            state.pass_number, state.taken = state.pass_number + 1, 0
            self._order = self._order_of(state.pass_number)
        rows: Tensor = self._order[state.taken]
        state.taken += 1
        return rows

    def _take_step(self, rows: Tensor) -> None:
        state, config = self.state, self._config
        self._seed(mixed(config.seed, state.step * self._group.size + self._group.rank))
        rate = learning_rate(state.step + 1, self._count, config)
        for given in (given for optimizer in state.optimizers for given in optimizer.param_groups):
            given["lr"] = rate
        self._compute_gradients(rows)
        if config.max_gradient_norm:
            for optimizer in state.optimizers:
                state.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(state.model.parameters(), config.max_gradient_norm)
        for optimizer in state.optimizers:
            state.scaler.step(optimizer)
            optimizer.zero_grad()
        state.scaler.update()

    def _seed(self, seed: int) -> None:
        """torch.manual_seed would ask every kind of device, and takes as long as a small step."""
        torch.default_generator.manual_seed(seed)
        if self._group.device.startswith("cuda"):
            torch.cuda.manual_seed(seed)

    def _compute_gradients(self, rows: Tensor) -> None:
        """Of the mean over the whole batch, of all processes and parts."""
        task, state, group = self._task, self.state, self._group
        parts = self._parts(rows)
        weight = sum(task.weight(batch) for batch, counts in parts if counts)
        total = group.sum(weight)
        for number, (batch, counts) in enumerate(parts):
            share = task.weight(batch) * group.size / total if counts else 0.0
            with group.apart(self._spread, number == len(parts) - 1), self._precision():
                loss = task.loss(self._compute, batch)
            state.scaler.scale(loss if share == 1 else loss * share).backward()  # type: ignore[no-untyped-call]
            if counts:
                state.loss_sum += loss.detach() * task.weight(batch)
        state.weight_sum += weight

    def _parts(self, rows: Tensor) -> list[tuple[Batch, bool]]:
        """This process's, and whether they count: all wait for all, so one that has fewer computes a row in vain."""
        group, own = self._group, self._group.share(rows)
        parts = own.chunk(self._config.accumulation) if len(own) else ()
        idle = (self._config.accumulation if group.size > 1 else 1) - len(parts)
        return [
            *((self._task.batch(part, group.device), True) for part in parts),
            *((self._task.batch(rows[:1], group.device), False) for _ in range(idle)),
        ]

    def _precision(self) -> AbstractContextManager[Any]:
        dtype = _DTYPES.get(self._config.precision)
        return nullcontext() if dtype is None else torch.autocast(self._group.device.partition(":")[0], dtype)

    def _is_point(self) -> bool:
        state, wanted = self.state, self._config.evaluations
        if not wanted:
            return state.taken == len(self._order) or state.step == self._count
        return state.step == self._count or state.step % math.ceil(self._count / wanted) == 0

    def _point(self) -> Point:
        state = self.state
        loss = self._group.sum(state.loss_sum.item()) / self._group.sum(state.weight_sum)
        self._check(loss)
        found = self._found = self._task.evaluate(state.model)
        self._check(found.loss)
        point = Point(state.step, loss, found.loss, dict(found.scores))
        if state.record(point) and self._config.keep == "best":
            state.best_weights = self._group.weights(state.model)
        return point

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise TrainingDiverged(
                f"the loss is no longer a number in step {self.state.step}; try a smaller learning rate"
            )

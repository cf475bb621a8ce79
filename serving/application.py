"""What answers requests, without anyone who listens: the repository, the engine, and the web application over them.

Rule: whoever opens it says when it loads, drains and closes; nothing in it knows a port or a signal.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from serving.access.gate import Gate
from serving.backends.backend import share_threads
from serving.core.did_you_mean import instead
from serving.core.log_settings import LogSettings
from serving.core.model_code import ModelCode
from serving.core.states import ModelState
from serving.doors import door_of_many
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.load_policy import LoadPolicy
from serving.engine.loaded_models import LoadedModels
from serving.engine.one_model import open_one_model
from serving.engine.own_thread import in_own_thread
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repositories import ModelRepositories, open_repositories
from serving.engine.response_cache import ResponseCache
from serving.engine.state_file import StateFile
from serving.errors import ModelLoadFailed
from serving.log import Logging
from serving.machine import Machine, nvml
from serving.memory_limit import memory
from serving.metrics import Metrics
from serving.observing import Observing, open_observing
from serving.settings import Settings
from serving.transports.extensions import extensions
from serving.transports.held_memory import HeldMemory
from serving.transports.http.app import gateway
from serving.transports.http.counted_replies import CountedReplies
from serving.transports.shared_memory import SharedMemoryRegions

log = logging.getLogger("slipway")


class ModelsFailed(Exception):
    """Not every model could be loaded, and `exit_on_error` was set; the text names them."""


@dataclass(frozen=True, slots=True)
class Application:
    settings: Settings
    repository: ModelRepositories
    registry: ModelRegistry
    dependencies: Dependencies
    engine: Engine
    collectors: CollectorRegistry
    metrics: Metrics
    observing: Observing
    regions: SharedMemoryRegions
    logs: Logging
    offered: list[str]
    web: CountedReplies
    held: HeldMemory
    behind: Callable[[Gate], ASGIApp]
    """The same as `web`, for another door."""

    async def load(self, stop: asyncio.Event) -> None:
        """Try every model that is to be there at once, until a `stop`. Raises `ModelsFailed`."""
        await _load(self.dependencies, self.registry.loaded.names(), stop)
        if self.settings.exit_on_error:
            _check_all_loaded(self.registry.loaded)

    async def close(self, patience: float) -> bool:
        """Once no request is under way; whether every model ended within so many seconds."""
        await in_own_thread(self.observing.close)
        return await in_own_thread(self.registry.close, patience)


@asynccontextmanager
async def loaded_application(settings: Settings) -> AsyncIterator[Application]:
    """For who has a server of his own: it answers within the block, and what was accepted is answered at its end.
    Where callers are can't be known there, so that no request changes anything.

    Raises what `open_application` and `load` do.
    """
    with ExitStack() as opened:
        application = await open_application(settings, opened, door_of_many(settings.access))
        try:
            await application.load(asyncio.Event())
            application.engine.accepting = True
            yield application
        finally:
            application.engine.accepting = False
            application.registry.drain()
            await application.close(settings.shutdown_timeout)


async def open_application(
    settings: Settings,
    opened: ExitStack,
    gate: Gate,
    is_behind_gateways: bool = False,
    others_need: Callable[[], str] = lambda: "",
) -> Application:
    """Nothing is loaded yet; what is left on disk goes with `opened`. Belongs to the event loop that runs.
    `gate` and `is_behind_gateways` are for its HTTP, as `Door` has them; `others_need` says why what is around it needs
    a restart.

    Raises `TracingUnavailable`, and `ModelLoadFailed` for a repository that can't be read.
    """
    repository, names = await in_own_thread(_open, settings, opened)
    size = settings.response_cache_byte_size
    cache = ResponseCache(size) if size else None
    if settings.enable_global_threadpool:
        await in_own_thread(share_threads)
    loop, policy = asyncio.get_running_loop(), _load_policy(settings)
    state = await in_own_thread(StateFile, settings.state_file)
    registry = ModelRegistry(repository, loop, names, policy, cache, state, lambda *of: promotions.carry_out(*of))
    is_explicit = settings.model_control_mode == "explicit"
    collectors = CollectorRegistry()
    observing = await in_own_thread(open_observing, settings, collectors)
    dependencies = Dependencies(registry)
    promotions = Promotions(registry, dependencies.follow)
    strict = settings.strict_readiness
    engine = Engine(registry, dependencies, promotions, observing.tracer, is_explicit, strict, others_need)
    metrics = Metrics(collectors, registry, Machine(nvml()), cache, repository.reachable)
    regions = SharedMemoryRegions(settings.allow_shared_memory)
    logs = Logging(LogSettings(log_verbose_level=settings.log_verbose), log)
    offered = extensions(settings.allow_shared_memory, is_explicit)
    traces, observer, largest = observing.traces, observing.observer, settings.max_body_size
    held, page = HeldMemory(settings.queue_byte_size or memory().for_requests), settings.web_page
    behind = partial(gateway, engine, metrics, regions, traces, logs, offered, largest, page, observer, held)
    return Application(
        settings,
        repository,
        registry,
        dependencies,
        engine,
        collectors,
        metrics,
        observing,
        regions,
        logs,
        offered,
        CountedReplies(behind(gate, is_behind_gateways)),
        held,
        behind,
    )


def _load_policy(settings: Settings) -> LoadPolicy:
    return LoadPolicy(
        settings.require_manifest,
        bool(settings.response_cache_byte_size),
        settings.enable_global_threadpool,
        settings.auto_tune_secs,
        settings.model_cache,
        ModelCode(settings.model_code),
    )


async def _load(dependencies: Dependencies, names: list[str], stop: asyncio.Event) -> None:
    """One model after another, ensembles after what they need; a stop does not wait for one that takes long."""
    for name in await in_own_thread(dependencies.load_order, names):
        if stop.is_set():
            return
        loading = in_own_thread(dependencies.load_alone, name)
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {loading, stopping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if loading.done():
            with suppress(ModelLoadFailed):  # which is the model's state then, and was logged
                loading.result()


def _check_all_loaded(models: LoadedModels) -> None:
    failed = [status for status in models.statuses() if status.state is ModelState.UNAVAILABLE]
    if failed:
        raise ModelsFailed("; ".join(f"{f'{each.name} {each.version}'.strip()}: {each.reason}" for each in failed))


def _open(settings: Settings, opened: ExitStack) -> tuple[ModelRepositories, list[str]]:
    """Blocks, since a repository may lie elsewhere."""
    if settings.model_name is None:
        repository = open_repositories(settings.model_repositories, settings.model_cache)
    else:
        (place,) = settings.places
        links = opened.enter_context(TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True))
        repository = open_one_model(Path(place), settings.model_name, Path(links))
    names = _names(repository, settings)
    repository.prune()
    return repository, names


def _names(repository: ModelRepositories, settings: Settings) -> list[str]:
    """The models that are loaded at once."""
    names = repository.names()
    if settings.model_control_mode != "explicit" or "*" in settings.load_model:
        return names
    for name in settings.load_model:
        if name not in names:
            why = f"the repository has no folder of that name{instead(name, names)}"
            log.error("failed to load '%s': %s", name, why)
            if settings.exit_on_error:
                raise ModelsFailed(f"{name}: {why}")
    return list(dict.fromkeys(settings.load_model))

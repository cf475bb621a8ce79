"""`slipway models check`: load models as a server here would, and say which versions it would serve.

Rule: nothing is decided here; a version is loaded, warmed up and asked its golden rows by what does so in a server.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from serving.commands import places
from serving.commands.published import repository_of
from serving.commands.request import fail
from serving.core.model_code import ModelCode
from serving.errors import ModelLoadFailed
from serving.log import formatter

if TYPE_CHECKING:  # heavier than `slipway --help` should be
    from serving.core.states import VersionStatus
    from serving.engine.repositories import ModelRepositories

_CLOSING = 10.0  # seconds


def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[MODELS]...", help="All unless named.")] = None,
    model_repository: Annotated[list[str] | None, typer.Option(help=places.HELP)] = None,
    require_manifest: Annotated[
        bool, typer.Option("--require-manifest", help="As a server that was started with it.")
    ] = False,
    model_code: Annotated[
        ModelCode, typer.Option(envvar="SLIPWAY_MODEL_CODE", show_envvar=False, help="As for a server.")
    ] = ModelCode.LOCAL,
) -> None:
    """Load models as a server on this machine would; exit with 1 where a version would not be served.

    [bold]Examples[/bold]

    [cyan]slipway models check flowers --model-repository my_models[/cyan]  before it is published, as in CI

    [cyan]slipway models check --require-manifest[/cyan]  all of ./model_repository

    Its files are compared with their hashes, warm-up samples run, golden rows are asked. Warnings go to stderr.
    """
    repositories = places.chosen(model_repository or [])
    _log_to_stderr()
    try:
        repository = _opened(names or [], repositories)
        statuses = asyncio.run(_load(repository, names or repository.names(), require_manifest, model_code))
    except ModelLoadFailed as error:
        raise fail("models check", error) from None
    except OSError as error:
        raise fail("models check", OSError(f"{places.listed(repositories)} can't be read: {error.strerror}")) from None
    for status in statuses:
        typer.echo(f"{_name(status)}: {status.reason or 'OK'}")
    bad = [_name(status) for status in statuses if status.reason]
    if bad:
        raise fail("models check", ModelLoadFailed(f"{', '.join(bad)} would not be served"))
    if not statuses:
        raise fail("models check", ModelLoadFailed(f"there is no model in {places.listed(repositories)}"))


def _opened(names: list[str], repositories: list[str]) -> "ModelRepositories":
    from serving.engine.repositories import open_repositories

    other = "another repository is named by --model-repository"
    for name in names:
        repository_of(name, repositories, other)
    if missing := [place for place in repositories if places.is_missing(place)]:
        raise ModelLoadFailed(f"there is no folder {places.listed(missing)}; {other}")
    return open_repositories(repositories, None)


async def _load(
    repository: "ModelRepositories", names: list[str], require_manifest: bool, model_code: ModelCode
) -> list["VersionStatus"]:
    """Ensembles after their models, which are loaded for them too."""
    from serving.engine.dependencies import Dependencies
    from serving.engine.load_policy import LoadPolicy
    from serving.engine.own_thread import in_own_thread
    from serving.engine.registry import ModelRegistry

    policy = LoadPolicy(require_manifest, has_response_cache=True, model_code=model_code)  # a server may have one
    registry = ModelRegistry(repository, asyncio.get_running_loop(), names, policy)
    dependencies = Dependencies(registry)
    for name in await in_own_thread(dependencies.load_order, names):
        with suppress(ModelLoadFailed):  # which is the model's state then
            await in_own_thread(dependencies.load_alone, name)
    statuses = sorted(registry.loaded.statuses(), key=lambda status: (status.name, int(status.version or 0)))
    await in_own_thread(registry.close, _CLOSING)
    return statuses


def _name(status: "VersionStatus") -> str:
    return f"{status.name} version {status.version}" if status.version else status.name


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])

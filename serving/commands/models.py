"""`slipway models`: what is published on disk and what a server has loaded; a model's completed config; and which
version gets the traffic."""

import json
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from serving.commands import places
from serving.commands.check import check
from serving.commands.manifest import manifest
from serving.commands.published import repository_of
from serving.commands.request import DEFAULT_URL, ServerRefused, ServerUnreachable, fail, get, post
from serving.core.did_you_mean import did_you_mean
from serving.core.versions import is_version
from serving.errors import ModelLoadFailed

_LOADING = 600  # seconds; going back loads the version to go back to

if TYPE_CHECKING:  # protobuf and its messages take longer to import than `slipway --help` should
    from serving.core.model_config import ModelConfig
    from serving.engine.repositories import ModelRepositories


class _ListByDefault(TyperGroup):
    """`slipway models` and `slipway models FOLDER` are `slipway models list ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            if args and not args[0].startswith("-") and "/" not in args[0] and places.is_missing(args[0]):
                words = (
                    f"'{args[0][:100]}' is neither a folder here nor a command{did_you_mean(args[0], self.commands)}"
                )
                raise fail("models", ValueError(words))
            args = ["list", *args]
        return super().parse_args(ctx, args)


_HELP = """See models and their versions, and choose which version gets traffic.

[bold]Examples[/bold]

[cyan]slipway models[/cyan]  what is published in ./model_repository, and what the server on port 8000 has loaded

[cyan]slipway models my_models[/cyan]  the same for another folder

[cyan]slipway models config digits-cnn[/cyan]  a config.pbtxt with all that the files and the defaults add to it

[cyan]slipway models check digits-cnn[/cyan]  would a server here serve it? If not, why?

[cyan]slipway models rollback digits-cnn[/cyan]  the version before serves again

[cyan]slipway models manifest my_models/flowers/1[/cyan]  what lets a server check a version of your own
"""

models = typer.Typer(cls=_ListByDefault, help=_HELP, rich_markup_mode="rich")

_Url = Annotated[str, typer.Option("--url", envvar="SLIPWAY_URL", help="The server to ask.")]
_Version = Annotated[str, typer.Option("--version", help="Which one; a number.", show_default=False)]
_Model = Annotated[str, typer.Argument(help="The model's name.")]


@models.command("list")
def list_models(
    model_repository: Annotated[list[str] | None, typer.Argument(help=places.HELP)] = None,
    url: _Url = DEFAULT_URL,
) -> None:
    """List what is published in a repository and what a running server has loaded.

    [bold]Examples[/bold]

    [cyan]slipway models[/cyan]  ./model_repository and the server on port 8000

    [cyan]slipway models /models --url http://gpu-box:8000[/cyan]  others
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    named = model_repository or []
    start = shlex.join(["slipway", "serve", *named])
    rows: list[dict[str, Any]] | None = None
    says = f"loaded is what the server at {url} says."
    try:
        rows = post(f"{url.rstrip('/')}/v2/repository/index", b"", 5, start)
    except ServerUnreachable as error:
        says = f"of what is loaded nothing is known: {error}"
    except ServerRefused as error:
        raise fail("models", error) from None
    repositories = places.chosen(named)
    missing = [place for place in repositories if places.is_missing(place)]
    published: set[tuple[str, str]] = set()
    failure: Exception | None = None
    try:
        published = set(_published(repositories))
    except ModelLoadFailed as error:
        failure = error
    except OSError as error:
        failure = OSError(f"{places.listed(repositories)} can't be read: {error.strerror}")
    table = Table("model", "version", "published", "loaded", "reason")
    for cells in _lines(published, rows, is_all=failure is None and not missing):
        table.add_row(*map(Text, cells))  # a folder's name or a reason is no markup
    Console().print(table)
    typer.echo(f"Published is what lies in {places.listed(repositories)}; {says}")
    if failure is not None:
        raise fail("models", failure)
    if missing:
        typer.echo(f"There is no folder {places.listed(missing)}; name the repository: slipway models FOLDER")
    elif not published:
        typer.echo(f"No model is published there; {_next(repositories)}.")
    if rows is None and missing == repositories:
        raise typer.Exit(1)


def _next(repositories: list[str]) -> str:
    """What to do where nothing is published."""
    part = next(filter(None, map(places.part_of_repository, repositories)), None)
    if part is None:
        return places.first_model(repositories)
    again = shlex.join(["slipway", "models", str(part.repository)])
    return f"it is {part.what}; a repository is the folder around models: {again}"


def _lines(published: set[tuple[str, str]], rows: list[dict[str, Any]] | None, is_all: bool) -> list[tuple[str, ...]]:
    """The table's, by name and version. `rows` is None where nothing is known; `is_all` false where more may be
    published than could be read."""
    loaded = {(row["name"], row.get("version", "")): row for row in rows or []}
    names = {name for name, _ in published}
    shown = published | {(name, version) for name, version in loaded if version or name not in names}
    lines = []
    for key in sorted(shown, key=lambda key: (key[0], int(key[1] or 0))):
        row = loaded.get(key) or loaded.get((key[0], ""), {})  # what concerns all versions
        is_published = "yes" if key in published else "no" if is_all else "?"
        lines.append((*key, is_published, row.get("state", "?" if rows is None else "no"), row.get("reason", "")))
    return lines


@models.command()
def config(
    model: _Model,
    model_repository: Annotated[list[str] | None, typer.Option(help=places.HELP)] = None,
    url: Annotated[str | None, typer.Option(help="Ask a running server instead.")] = None,
) -> None:
    """Print a model's config.pbtxt with everything that its files and the defaults add to it.

    [bold]Examples[/bold]

    [cyan]slipway models config digits-cnn[/cyan]  of ./model_repository

    [cyan]slipway models config flowers --model-repository my_models[/cyan]  of another

    [cyan]slipway models config flowers --url http://gpu-box:8000[/cyan]  as a server has it

    What has no effect is named on stderr. `slipway models check` says whether the model's file can be served with it.
    """
    from google.protobuf import text_format

    repositories = places.chosen(model_repository or [])
    try:
        completed = _config_on_disk(model, repositories) if url is None else _config_of_server(model, url)
    except (ModelLoadFailed, ServerUnreachable, ServerRefused) as error:
        raise fail("models config", error) from None
    except OSError as error:
        reason = f"{places.listed(repositories)} can't be read: {error.strerror}"
        raise fail("models config", OSError(reason)) from None
    typer.echo(text_format.MessageToString(completed), nl=False)


models.command()(check)
models.command()(manifest)


@models.command()
def promote(model: _Model, version: _Version = "", url: _Url = DEFAULT_URL) -> None:
    """Give all traffic to a version: the one on trial, or else the highest that was rolled back, unless named.

    One that is named is loaded where it was not, in every --model-control-mode.

    [bold]Examples[/bold]

    [cyan]slipway models promote digits-cnn --url http://gpu-box:8000[/cyan]

    [cyan]slipway models promote digits-cnn --version 3[/cyan]
    """
    _put_in_place("promote", model, version, url)


@models.command()
def rollback(model: _Model, version: _Version = "", url: _Url = DEFAULT_URL) -> None:
    """Take all traffic from a version: the one on trial, or else the one that serves, unless named.

    It stays away until its files change, or it is promoted.

    [bold]Examples[/bold]

    [cyan]slipway models rollback digits-cnn --url http://gpu-box:8000[/cyan]

    [cyan]slipway models rollback digits-cnn --version 3[/cyan]
    """
    _put_in_place("rollback", model, version, url)


def _put_in_place(action: str, model: str, version: str, url: str) -> None:
    path = quote(model, safe="") + (f"/versions/{quote(version, safe='')}" if version else "")
    try:
        reply = post(f"{url.rstrip('/')}/v2/models/{path}/{action}", b"", timeout=_LOADING)
    except (ServerUnreachable, ServerRefused) as error:
        raise fail(f"models {action}", error) from None
    typer.echo(f"{model}: version {reply['version']} gets all requests that name no version.")


def _config_on_disk(model: str, repositories: list[str]) -> "ModelConfig":
    from serving.engine.config_check import checked
    from serving.engine.config_completion import completed_config

    other = "another repository is named by --model-repository, a running server by --url"
    repository = repository_of(model, repositories, other)
    config = completed_config(repository, model)
    for warning in checked(config, repository):
        typer.secho(warning, fg="yellow", err=True)
    return config


def _config_of_server(model: str, url: str) -> "ModelConfig":
    from serving.core.model_config import parse_json

    return parse_json(json.dumps(get(f"{url.rstrip('/')}/v2/models/{quote(model, safe='')}/config", 30)), model)


def _published(repositories: list[str]) -> list[tuple[str, str]]:
    """Name and version; the version is "" for a folder that can't be read. Of files that lie elsewhere, only the
    configs of models without versions are fetched."""
    from serving.engine.repositories import open_repositories

    repository = open_repositories([place for place in repositories if not places.is_missing(place)], None)
    return [(name, version) for name in repository.names() for version in _versions(repository, name)]


def _versions(repository: "ModelRepositories", name: str) -> list[str]:
    from serving.core.ensemble import is_ensemble

    try:
        paths = repository.fingerprint(name)
    except ModelLoadFailed:
        return [""]
    found = [path.removesuffix("/") for path in paths if path.endswith("/") and is_version(path.removesuffix("/"))]
    with suppress(ModelLoadFailed):  # which its load will say
        if not (found or repository.versions(name)) and is_ensemble(repository.config(name)):
            return ["1"]
    return found

"""`slipway models`: what is published on disk and what a server has loaded, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.commands import places
from serving.commands.request import DEFAULT_URL, ServerRefused, ServerUnreachable, fail, post
from serving.core.remote_address import is_remote
from serving.core.versions import is_version
from serving.errors import ModelLoadFailed

if TYPE_CHECKING:  # protobuf and its messages take longer to import than `slipway --help` should
    from serving.engine.repositories import ModelRepositories


def models(
    model_repository: Annotated[list[str] | None, typer.Argument(help=places.HELP)] = None,
    url: Annotated[str, typer.Option(envvar="SLIPWAY_URL", help="The server to ask.")] = DEFAULT_URL,
) -> None:
    """List what is published in a repository and what a running server has loaded.

    [bold]Examples[/bold]

    [cyan]slipway models[/cyan]  ./model_repository and the server on port 8000

    [cyan]slipway models /models --url http://gpu-box:8000[/cyan]  others
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    try:
        rows, running = post(f"{url.rstrip('/')}/v2/repository/index", b"", timeout=5), True
    except ServerUnreachable:
        rows, running = [], False
    except ServerRefused as error:
        raise fail("models", error) from None
    loaded = {(row["name"], row.get("version", "")): row for row in rows}
    repositories = places.chosen(model_repository or [])
    try:
        published = set(_published(repositories))
    except ModelLoadFailed as error:
        raise fail("models", error) from None
    names = {name for name, _ in published}
    shown = published | {(name, version) for name, version in loaded if version or name not in names}
    table = Table("model", "version", "published", "loaded", "reason")
    for key in sorted(shown, key=lambda key: (key[0], int(key[1] or 0))):
        row: dict[str, Any] = loaded.get(key) or loaded.get((key[0], ""), {})  # what concerns all versions
        cells = (*key, "yes" if key in published else "no", row.get("state", "no"), row.get("reason", ""))
        table.add_row(*(Text(cell) for cell in cells))  # a folder's name or a reason is no markup
    Console().print(table)
    if not running:
        typer.echo(f"No server answers at {url}; `slipway serve` starts one.")
    missing = [place for place in repositories if _is_missing(place)]
    if missing:
        typer.echo(f"There is no folder {' and no '.join(missing)} here; name the repository: slipway models FOLDER")
    elif not published:
        typer.echo(f"Nothing is published in {', '.join(repositories)}; `slipway train digits-cnn` makes a model.")


def _is_missing(place: str) -> bool:
    return not is_remote(place) and not Path(place.removeprefix("file://")).is_dir()


def _published(repositories: list[str]) -> list[tuple[str, str]]:
    """Name and version; the version is "" for a folder that can't be read. Fetches nothing."""
    from serving.engine.repositories import open_repositories

    repository = open_repositories([place for place in repositories if not _is_missing(place)], None)
    return [(name, version) for name in repository.names() for version in _versions(repository, name)]


def _versions(repository: "ModelRepositories", name: str) -> list[str]:
    try:
        paths = repository.fingerprint(name)
    except ModelLoadFailed:
        return [""]
    return [path.removesuffix("/") for path in paths if path.endswith("/") and is_version(path.removesuffix("/"))]

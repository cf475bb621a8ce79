"""`slipway models manifest`: hashes and golden rows for versions that were not published by training.

Rule: nothing that is there is overwritten unless it is asked for; golden rows that there can't be cost no hashes.
"""

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.commands.request import fail
from serving.core.versions import is_version
from serving.errors import InvalidInput, ModelLoadFailed

if TYPE_CHECKING:  # heavier than `slipway --help` should be
    from serving.core.golden import GoldenRows

_COMMAND = "models manifest"


class _Refused(Exception):
    """The text names the folder, and what to do."""


def manifest(
    folders: Annotated[list[Path], typer.Argument(help="A version's folder, my_models/flowers/1; may be several.")],
    rows: Annotated[int, typer.Option(min=1, max=1024, help="How many rows of random inputs are golden.")] = 8,
    given: Annotated[
        Path | None, typer.Option("--input", help="Golden inputs from a file: JSON as predict takes it, or .npz.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write anew what is there.")] = False,
) -> None:
    """Write a version's manifest.json (SHA-256 of its files) and golden.npz (rows, and what the model answers to them).

    [bold]Examples[/bold]

    [cyan]slipway models manifest my_models/flowers/1[/cyan]  then: slipway serve my_models --require-manifest

    [cyan]slipway models manifest my_models/flowers/1 --input rows.npz --force[/cyan]  with inputs of your own

    A server then checks that the files are these, and that the model still answers the same. Python models, and those
    with sequences, are not run: they get hashes only.
    """
    try:
        names = () if force else ("manifest.json", "golden.npz") if given else ("manifest.json",)
        versions = [_checked(folder, names) for folder in folders]
        for folder in versions:
            _write(folder, rows, given, force)
    except (_Refused, ModelLoadFailed, InvalidInput) as error:
        raise fail(_COMMAND, error) from None
    except OSError as error:
        raise fail(_COMMAND, _Refused(f"{error.filename}: {error.strerror}")) from None
    for root in dict.fromkeys(folder.parent.parent for folder in versions):
        typer.echo(f"next: slipway serve {shlex.quote(str(root))} --require-manifest")


def _checked(folder: Path, new: Iterable[str]) -> Path:
    """A version's folder that has none of the `new` files."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps the name that it has in the repository
    if not folder.is_dir():
        raise _Refused(f"there is no folder {folder}; name a version's folder, such as my_models/flowers/1")
    if not is_version(folder.name):
        inside = sorted(path.name for path in folder.iterdir() if is_version(path.name) and path.is_dir())
        example = folder / inside[0] if inside else "my_models/flowers/1"
        raise _Refused(f"{folder} is no version's folder, which a number names; name one, such as {example}")
    for name in new:
        if (folder / name).exists():
            raise _Refused(f"{folder / name} is there already; --force writes it anew")
    return folder


def _write(folder: Path, rows: int, given: Path | None, force: bool) -> None:
    from serving.core import golden
    from serving.engine import manifest_file

    typer.echo(folder)
    path = folder / golden.FILENAME
    if path.exists() and not force:
        typer.echo(f"  {golden.FILENAME}     kept as it is; --force writes it anew")
    else:
        try:
            found = _golden_rows(folder, rows, given)
            path.write_bytes(golden.encode(found))
            typer.echo(f"  {golden.FILENAME}     inputs, and what the model answers to them: {found.rows} rows")
        except (ModelLoadFailed, InvalidInput) as error:
            if given:
                raise
            typer.echo(f"  {golden.FILENAME}     not written: {error}")
    files = manifest_file.published_files(folder)
    with _progress(sum(file.stat().st_size for file in files)) as advance:
        manifest_file.write(folder, folder.parent.name, advance)
    typer.echo(f"  manifest.json  SHA-256 of {', '.join(file.name for file in files)}")
    for other in sorted(set(folder.iterdir()) - {*files, folder / "manifest.json", folder / "__pycache__"}):
        typer.echo(f"  {other.name} is no file, so that --require-manifest refuses the version; put its files beside")


def _golden_rows(folder: Path, rows: int, given: Path | None) -> "GoldenRows":
    """Raises `ModelLoadFailed`, `InvalidInput`."""
    from rich.console import Console

    from serving.commands import given_rows
    from serving.engine.golden_rows import golden_rows, random_inputs, why_none
    from serving.engine.loading import completed_config
    from serving.engine.repository import ModelRepository

    with Console().status("running the model"):
        config = completed_config(ModelRepository(folder.parent.parent), folder.parent.name)
        if why := why_none(config):
            raise ModelLoadFailed(why)
        if given:
            return golden_rows(folder, config, given_rows.read(given, config))
        try:
            return golden_rows(folder, config, random_inputs(config, rows))
        except InvalidInput as error:
            raise InvalidInput(f"{error}; they are random, --input FILE gives others") from None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """Gives the function to call with the bytes of each piece that was read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("  hashing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)

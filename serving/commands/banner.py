"""What `slipway serve` prints once it takes requests: which models there are, and where to look."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from serving import __version__
from serving.commands import places
from serving.engine.published import EXAMPLES
from serving.protocols import people_routes
from serving.settings import Settings

if TYPE_CHECKING:  # the server's imports take a second, which `slipway --help` should not
    from serving.core.states import VersionStatus
    from serving.engine.generating_model import GeneratingModel
    from serving.server import Started

_KEY = ' -H "X-API-Key: $SLIPWAY_API_KEY"'  # the server knows only digests


def say_where_to_look(settings: Settings, started: "Started") -> None:
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.host
    access = settings.access
    url = f"{'https' if access.certificates else 'http'}://{host}:{started.http_port}"
    typer.secho(f"\nSlipway {__version__} is at {url}\n", bold=True)
    rows = started.engine.index()
    where = ", ".join(map(str, settings.places))
    for row in rows:
        colour = {"READY": "green", "UNKNOWN": "yellow"}.get(row.state, "red")
        state = "not loaded" if row.state == "UNKNOWN" else row.state
        typer.echo(f"  {row.name:<24} {row.version:>4}  {typer.style(state, fg=colour)}  {row.reason}")
    if not rows:
        typer.echo(f"  no models in {where}; {places.first_model(map(str, settings.places))}")
    page = f"  Models, to see and try {url}/\n" if settings.web_page else ""
    typer.echo(f"\n{page}  API, to read and try   {url}/docs")
    typer.echo(f"  gRPC                   {host}:{started.grpc_port}")
    typer.echo(f"  Prometheus metrics     http://{access.metrics_host or host}:{started.metrics_port}/metrics")
    if started.admin_port is not None:
        typer.echo(f"  Changes                {url.rpartition(':')[0]}:{started.admin_port}, and nowhere else")
    if access.keys:
        typer.echo(f"  Who may ask            {', '.join(key.name for key in access.keys)}, with their keys")
    writers = _writers(started)
    asked = (model for model in started.engine.models() if model not in writers)
    routes = {model.name: people_routes.route(model.outputs) for model in asked}
    curl = f"curl -s{_KEY if access.keys else ''}"
    lines = [
        *_curls(curl, settings.places, url, rows, routes),
        *_curls_of_writers(curl, url, writers),
        *_curls_of_drawers(curl, url, started),
    ]
    if lines:
        typer.echo(f"\n  Try it{', with a key in SLIPWAY_API_KEY' if access.keys else ''}:")
    for line in lines:
        typer.echo(f"    {line}")
    typer.echo("\nCtrl-C answers what runs, then stops.")


def _curls(
    curl: str, repositories: tuple[Path | str, ...], url: str, rows: "list[VersionStatus]", routes: Mapping[str, str]
) -> list[str]:
    """Commands that work when pasted: one for each model that was published here with an example."""
    return [
        f"{curl} --data-binary {shlex.quote(f'@{path}')} {url}/v1/models/{row.name}/{routes[row.name]}"
        for row in rows
        for root in repositories
        for name in EXAMPLES
        if row.state == "READY"
        and row.name in routes
        and isinstance(root, Path)
        and (path := (root / row.name / row.version / name).resolve()).is_file()
    ]


def _writers(started: "Started") -> "list[GeneratingModel]":
    """Their published example is for other routes than those for people."""
    from serving.engine.generating_model import GeneratingModel

    return [model for model in started.engine.models() if isinstance(model, GeneratingModel)]


def _curls_of_writers(curl: str, url: str, writers: "list[GeneratingModel]") -> list[str]:
    from serving.core.generation_config import TEXT_TO_TEXT, generation_config

    prompts = ["3 March 2024" if generation_config(it.config).task == TEXT_TO_TEXT else "str.split" for it in writers]
    asked = [
        json.dumps({"model": model.name, "prompt": prompt, "max_tokens": 40})
        for model, prompt in zip(writers, prompts, strict=True)
    ]
    return [f"{curl} {url}/v1/completions -d {shlex.quote(body)}" for body in asked]


def _curls_of_drawers(curl: str, url: str, started: "Started") -> list[str]:
    from serving.protocols.named_labels import names
    from serving.protocols.openai_images import IMAGE
    from serving.transports.http.openai_images import draws

    asked = [
        json.dumps({"model": model.name, "prompt": names(model.labels[IMAGE][-1])[0], "n": 2})
        for model in started.engine.models()
        if draws(model)
    ]
    return [f"{curl} {url}/v1/images/generations -d {shlex.quote(body)}" for body in asked]

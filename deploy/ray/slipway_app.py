"""Slipway's engine as a deployment of Ray Serve: `serve run deploy/ray/serve.yaml`. See docs/ray-serve.md.

Rule: Ray takes the connections, and starts, scales and ends replicas; batches, queues and models are the engine's.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from ray import serve
from starlette.types import ASGIApp

from serving.application import loaded_application
from serving.commands.access_config import with_keys_of
from serving.commands.chosen_settings import repository
from serving.settings import Access, Settings


@serve.deployment
@serve.ingress()
class Slipway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = AsyncExitStack()

    async def __serve_build_asgi_app__(self) -> ASGIApp:
        """Once the models are loaded; before, Ray sends a replica nothing."""
        self._application = await self._opened.enter_async_context(loaded_application(self._settings))
        return self._application.web

    async def check_health(self) -> None:
        """Ray ends a replica for which it raises, or which does not answer, and starts another."""
        if why := self._application.engine.needs_restart:
            raise RuntimeError(why)

    async def __del__(self) -> None:
        """After the last answer, or when Ray has waited long enough."""
        await self._opened.aclose()


def application(options: dict[str, Any]) -> Any:
    """`options` are those of `slipway serve`, with underscores, of which `model_repository` is needed."""
    options = {"exit_on_error": True, **options}
    if "model_cache" in options:
        options["model_cache"] = Path(options["model_cache"])
    if file := options.pop("api_key_file", None):  # digests, which replicas may be sent
        options["access"] = with_keys_of(Path(file), Access())
    return Slipway.bind(Settings((repository(options.pop("model_repository")),), **options))  # type: ignore[attr-defined] # Ray's

"""How routes that read the raw body still appear in the API's documentation."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from serving.transports.http import schemas

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": schemas.Error,
        "description": "It can't be understood, does not fit the model, or there is no such model.",
    },
    404: {"model": schemas.Error, "description": "No such version; of a model that is not there, see 400."},
    413: {"model": schemas.Error, "description": "The body is larger than the server accepts."},
    500: {"model": schemas.Error, "description": "The model failed on this request."},
    501: {"model": schemas.Error, "description": "A part of the protocol that Slipway does not do."},
    503: {"model": schemas.Error, "description": "Not ready, overloaded, or the request's timeout expired."},
}
FILE = {"schema": {"type": "string", "format": "binary"}}
DONE: dict[str, Any] = {"description": "It is done; the body is empty."}

_EXAMPLES = {"model": "digits-cnn", "version": "1"}


class RawRoute(APIRoute):
    """A documented route whose endpoint takes the request itself: no dependencies, no validation."""

    def get_route_handler(self) -> Endpoint:
        endpoint: Endpoint = self.endpoint
        return endpoint


def model_and_version(request: Request) -> tuple[str, str]:
    """From the path; the version is "" where the path names none."""
    return request.path_params["model"], request.path_params.get("version", "")


def add_for_model_and_version(
    add: Callable[..., Any], suffix: str, endpoint: Endpoint, prefix: str = "", **documentation: Any
) -> None:
    """Both forms of a model's route, by `router.get` or `router.post`; the endpoint reads `request.path_params`."""
    extra = documentation.pop("openapi_extra", {})
    for names, version in ((["model"], ""), (["model", "version"], "/versions/{version}")):
        parameters = [*path_parameters(*names), *extra.get("parameters", [])]
        register = add(
            prefix + version + suffix,
            name="_".join([endpoint.__name__, *names]),
            openapi_extra={**extra, "parameters": parameters},
            **documentation,
        )
        register(endpoint)


def path_parameters(*names: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": _EXAMPLES[name]}
        for name in names
    ]


def json_body(model: type[BaseModel], example: Any, required: bool = True) -> dict[str, Any]:
    """An OpenAPI request body."""
    return {"required": required, "content": {"application/json": json_content(model, example)}}


def picture_body(model: type[BaseModel], example: Any, **fields: Any) -> dict[str, Any]:
    """A picture as the body or in a form, with `fields` beside it, or JSON."""
    form = {"type": "object", "properties": {"image": FILE["schema"], **fields}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form},
            "image/png": FILE,
            "image/jpeg": FILE,
            "application/json": json_content(model, example),
        },
    }


def json_content(model: type[BaseModel], example: Any) -> dict[str, Any]:
    return {"schema": _inline_schema(model), "example": example}


def _inline_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Without references, which only resolve for models that FastAPI collects itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined: dict[str, Any] = _inline(schema, definitions)
    return inlined


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _inline(value, definitions) for key, value in node.items()}

"""The route that recommends: what a user had so far in, what they may want next out."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.meant_version import meant_version
from serving.engine.servable import Servable
from serving.errors import InvalidInput
from serving.protocols import recommend as codec
from serving.protocols.recommend import HISTORY, ITEMS, SCORES, Catalogue
from serving.transports.http import schemas
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import ERRORS, RawRoute, json_body, path_parameters
from serving.transports.http.off_loop import TELLING, off_loop_if_large
from serving.transports.http.replies import json_reply
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER, within_header
from serving.transports.http.upload import integer, read_upload

_REPLY = {
    "description": "Best first; a list of such lists when the request held a list of histories.",
    "content": {"application/json": {"example": [{"item": "camping 04", "score": 0.21}]}},
}
_OPENAPI: dict[str, Any] = {
    "parameters": [*path_parameters("model"), TIMEOUT_PARAMETER],
    "requestBody": json_body(
        schemas.RecommendRequest, {"inputs": ["camping 01", "camping 03"], "parameters": {"top_k": 3}}
    ),
}
_MANY_USERS = 1000  # where the model sets no limit


def recommend_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v1/models", tags=["Inference"], route_class=RawRoute)
    numbers: WeakKeyDictionary[Servable, Mapping[str, int]] = WeakKeyDictionary()  # many items take milliseconds

    async def catalogue_of(model: Servable) -> Catalogue:
        length = _length(model)
        if not length:
            raise InvalidInput(_refusal(model, engine))
        if model not in numbers:
            names = model.labels[ITEMS]
            numbers[model] = await off_loop_if_large(
                TELLING * len(names), lambda: {name: number for number, name in enumerate(names)}
            )
        return Catalogue(model.name, numbers[model], length, model.max_batch_size or _MANY_USERS)

    @router.post(
        "/{model}/recommend",
        summary="Recommend: what a user had so far in, what they may want next out",
        description="The names of a user's items, oldest first; none of them is recommended again. `[]` is a new user.",
        response_model=list[schemas.Recommendation] | list[list[schemas.Recommendation]],
        responses={200: _REPLY, **{status: ERRORS[status] for status in (400, 404, 413, 500, 503)}},
        openapi_extra=_OPENAPI,
    )
    async def recommend(request: Request) -> Response:
        model = engine.model(request.path_params["model"])
        catalogue = await catalogue_of(model)
        body, given = await read_upload(request, "a JSON document", codec.PARAMETERS)
        try:
            asked = await off_loop_if_large(len(body), partial(codec.decode, body, catalogue, integer(given, "top_k")))
        except codec.UnknownItem as unknown:
            refusal = partial(codec.refusal, unknown, catalogue)
            raise await off_loop_if_large(TELLING * len(catalogue.numbers), refusal) from None
        version = meant_version(model, engine.versions(model.name), lambda each: each.labels.get(ITEMS))
        inference = InferRequest(model.name, {HISTORY: asked.history}, version, output_names=(ITEMS, SCORES))
        response = await until_disconnect(request, engine.infer(within_header(request, inference)))
        items, scores = response.outputs[ITEMS], response.outputs[SCORES]
        names = response.labels[ITEMS]
        return await off_loop_if_large(
            TELLING * items.size, lambda: json_reply(codec.encode(items, scores, asked, names))
        )

    return router


def _refusal(model: Servable, engine: Engine) -> str:
    others = engine.those(lambda other: _length(other) > 0)
    return f"model '{model.name}' recommends nothing; those that do: {others}. Use POST /v2/models/{model.name}/infer"


def _length(model: Servable) -> int:
    return codec.length_of(model.inputs, model.outputs, model.labels)

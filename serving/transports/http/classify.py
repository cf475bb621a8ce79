"""The people's route: a picture, a text, numbers or rows of a table in, labels with scores out."""

from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.meant_version import meant_version
from serving.engine.servable import Servable
from serving.engine.table_columns import columns_of
from serving.engine.token_inputs import reads
from serving.protocols import classify as codec
from serving.transports.http import schemas
from serving.transports.http.classify_texts import classify_texts
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import ERRORS, RawRoute, path_parameters, picture_body
from serving.transports.http.off_loop import TELLING, off_loop_if_large
from serving.transports.http.replies import json_reply
from serving.transports.http.timeout_header import within_header
from serving.transports.http.upload import integer, read_upload

_REPLY = {
    "description": "Best first; a list of such lists when the request held a list of examples.",
    "content": {"application/json": {"example": [{"label": "7", "score": 0.998}, {"label": "9", "score": 0.001}]}},
}
_OPENAPI: dict[str, Any] = {
    "parameters": [
        *path_parameters("model"),
        {"name": "top_k", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 5}},
    ],
    "requestBody": picture_body(
        schemas.ClassifyRequest,
        {"inputs": [[0.0] * 8] * 8, "parameters": {"top_k": 3}},
        top_k={"type": "integer"},
    ),
}


def classify_router(engine: Engine, decoders: CapacityLimiter) -> APIRouter:
    """`decoders` limits how many pictures are unpacked at a time, on all routes."""
    router = APIRouter(prefix="/v1/models", tags=["Inference"], route_class=RawRoute)

    @router.post(
        "/{model}/classify",
        summary="Classify: a picture, a text, numbers or rows of a table in, labels with scores out",
        description=(
            "Send an image file (`curl -F image=@seven.png URL` or `curl --data-binary @seven.png URL`), or JSON with "
            "a base64 image, a text, numbers or rows by their columns' names in `inputs`, or a list of them. Images of "
            "any size and colour become what the model takes; a model with a tokenizer takes texts. A row names each "
            "column of the model, with null for what is missing; a category's value that the model does not know is "
            "read as unknown."
        ),
        response_model=list[schemas.Score] | list[list[schemas.Score]],
        responses={200: _REPLY, **{status: ERRORS[status] for status in (400, 404, 413, 500, 503)}},
        openapi_extra=_OPENAPI,
    )
    async def classify(request: Request) -> Response:
        model = engine.model(request.path_params["model"])
        if reads(model):
            body, parameters = await read_upload(request, "a text", codec.PARAMETERS)
            return await classify_texts(request, engine, model, body, integer(parameters, "top_k"))
        example = _example(model)
        body, parameters = await read_upload(request, "an image", codec.PARAMETERS)
        top_k = integer(parameters, "top_k")
        asked = await off_loop_if_large(len(body), partial(codec.decode_body, body, example, top_k))
        inputs = asked.content
        if isinstance(inputs, list):
            rows = [await to_thread.run_sync(codec.to_pixels, data, example, limiter=decoders) for data in inputs]
            inputs = codec.stack(rows, example)
        version = meant_version(model, engine.versions(model.name), columns_of) if example.columns else ""
        inference = InferRequest(model.name, {example.input.name: inputs}, version)
        response = await until_disconnect(request, engine.infer(within_header(request, inference)))
        scores = response.outputs[example.scores.name]
        labels = response.labels.get(example.scores.name, ())
        return await off_loop_if_large(
            TELLING * scores.size, lambda: json_reply(codec.encode_scores(scores, asked, labels))
        )

    return router


def _example(model: Servable) -> codec.Example:
    return codec.classifier(
        model.name,
        tuple(model.inputs.values()),
        tuple(model.outputs.values()),
        model.labels,
        model.max_batch_size,
        columns_of(model),
    )

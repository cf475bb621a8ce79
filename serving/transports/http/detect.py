"""The people's route for detectors: a picture in, labels with scores and boxes out."""

from functools import partial
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.protocols import detect as codec
from serving.transports.http import schemas
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import ERRORS, RawRoute, path_parameters, picture_body
from serving.transports.http.off_loop import TELLING, off_loop_if_large
from serving.transports.http.replies import json_reply
from serving.transports.http.timeout_header import within_header
from serving.transports.http.upload import integer, number, read_upload

_THRESHOLD = {"type": "number", "minimum": 0, "maximum": 1, "default": codec.DEFAULT_THRESHOLD}
_TOP_K = {"type": "integer", "minimum": 1}
_FOUND = {"label": "7", "score": 0.94, "box": {"xmin": 12.5, "ymin": 8.0, "xmax": 24.0, "ymax": 27.5}}
_REPLY = {
    "description": "Best first; a list of such lists when the request held a list of pictures.",
    "content": {"application/json": {"example": [_FOUND]}},
}
_OPENAPI: dict[str, Any] = {
    "parameters": [
        *path_parameters("model"),
        {"name": "threshold", "in": "query", "schema": _THRESHOLD},
        {"name": "top_k", "in": "query", "schema": _TOP_K},
    ],
    "requestBody": picture_body(
        schemas.DetectRequest,
        {"inputs": "iVBORw0KGgo...", "parameters": {"threshold": 0.3}},
        threshold=_THRESHOLD,
        top_k=_TOP_K,
    ),
}


def detect_router(engine: Engine, decoders: CapacityLimiter) -> APIRouter:
    """`decoders` limits how many pictures are unpacked at a time, on all routes."""
    router = APIRouter(prefix="/v1/models", tags=["Inference"], route_class=RawRoute)

    @router.post(
        "/{model}/detect",
        summary="Detect: a picture in, labels with scores and boxes out",
        description=(
            "Send an image file (`curl -F image=@scene.png URL` or `curl --data-binary @scene.png URL`), or JSON with "
            "a base64 image or a list of them in `inputs`. Boxes are in pixels of the picture that was sent."
        ),
        response_model=list[schemas.Detection] | list[list[schemas.Detection]],
        responses={200: _REPLY, **{status: ERRORS[status] for status in (400, 404, 413, 500, 503)}},
        openapi_extra=_OPENAPI,
    )
    async def detect(request: Request) -> Response:
        model = engine.model(request.path_params["model"])
        detector = _detector(model)
        body, given = await read_upload(request, "an image", codec.PARAMETERS)
        threshold, top_k = number(given, "threshold"), integer(given, "top_k")
        asked = await off_loop_if_large(len(body), partial(codec.decode_body, body, detector, threshold, top_k))
        read = partial(codec.to_pixels, detector=detector)
        rows, places = zip(
            *[await to_thread.run_sync(read, picture, limiter=decoders) for picture in asked.pictures], strict=True
        )
        pixels = np.stack(rows) if detector.max_batch_size else rows[0]
        inference = InferRequest(model.name, {detector.input.name: pixels})
        response = await until_disconnect(request, engine.infer(within_header(request, inference)))
        found, labels = response.outputs, response.labels.get("classes", ())
        return await off_loop_if_large(
            TELLING * found["scores"].size, lambda: json_reply(codec.encode(found, places, asked, labels))
        )

    return router


def _detector(model: Servable) -> codec.Detector:
    return codec.detector(model.name, tuple(model.inputs.values()), tuple(model.outputs.values()), model.max_batch_size)

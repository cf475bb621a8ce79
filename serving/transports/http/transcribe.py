"""The people's route for speech: a recording in, its text out."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.protocols import transcribe as codec
from serving.transports.http import schemas
from serving.transports.http.documented import ERRORS, FILE, RawRoute, json_content, path_parameters
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.recordings import Recordings
from serving.transports.http.replies import json_reply
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER
from serving.transports.http.upload import read_upload

_REPLY = {
    "description": "A list of such objects when the request held a list of recordings.",
    "content": {"application/json": {"example": {"text": "three seven one"}}},
}
_OPENAPI: dict[str, Any] = {
    "parameters": [*path_parameters("model"), TIMEOUT_PARAMETER],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": FILE["schema"]}}},
            **{f"audio/{kind}": FILE for kind in ("wav", "flac", "ogg", "mpeg")},
            "application/json": json_content(schemas.TranscribeRequest, {"inputs": "UklGRg=="}),
        },
    },
}


def transcribe_router(recordings: Recordings) -> APIRouter:
    router = APIRouter(prefix="/v1/models", tags=["Inference"], route_class=RawRoute)

    @router.post(
        "/{model}/transcribe",
        summary="Transcribe: a recording in, its text out",
        description=(
            "Send a WAV, FLAC, OGG or MP3 file (`curl -F file=@digits.wav URL` or `curl --data-binary @digits.wav "
            "URL`), or JSON with a base64 recording in `inputs`. It is mixed to one channel and resampled."
        ),
        response_model=schemas.Text | list[schemas.Text],
        responses={200: _REPLY, **{status: ERRORS[status] for status in (400, 404, 413, 500, 503)}},
        openapi_extra=_OPENAPI,
    )
    async def transcribe(request: Request) -> Response:
        model = recordings.listener(request.path_params["model"])
        body, _ = await read_upload(request, "a recording", ())
        asked = await off_loop_if_large(len(body), partial(codec.decode_body, body, model))
        found = await recordings.transcripts(request, asked.recordings, model)
        return json_reply(codec.encode(found, asked.batched))

    return router

"""OpenAI's /v1/audio/transcriptions: a form with a recording in, its text out."""

from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile

from serving.errors import InvalidInput
from serving.protocols import openai_transcriptions as codec
from serving.protocols.sse import CONTENT_TYPE
from serving.protocols.transcribe import FRAME_BYTES
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.recordings import Recordings
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER

_TEXTS = {"text": "text/plain; charset=utf-8"}

OPENAPI: dict[str, Any] = {
    "parameters": [TIMEOUT_PARAMETER],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "model"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "model": {"type": "string", "example": "spoken-digits"},
                        "response_format": {"type": "string", "enum": list(codec.FORMATS), "default": "json"},
                        "timestamp_granularities[]": {
                            "type": "array",
                            "items": {"type": "string", "enum": list(codec.GRANULARITIES)},
                        },
                        "language": {"type": "string"},
                        "stream": {"type": "boolean", "default": False},
                    },
                }
            }
        },
    },
}


async def transcribe(request: Request, recordings: Recordings) -> Response:
    """Raises what `Recordings` does, and `InvalidInput`."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput("send a form with a file and a model: curl -F file=@digits.wav -F model=NAME")
    async with request.form(max_files=1, max_fields=100) as form:
        asked = codec.decode(_texts(form))
        model = recordings.listener(asked.model)
        (found,) = await recordings.transcripts(request, [await _recording(form)], model)
    if asked.stream:
        return Response(codec.events(found), headers={"content-type": CONTENT_TYPE})
    media_type = _TEXTS.get(asked.response_format, "application/json")
    reply = await off_loop_if_large(FRAME_BYTES * len(found.heard), partial(codec.encode, found, asked))
    return Response(reply, headers={"content-type": media_type})


def _texts(form: FormData) -> dict[str, list[str]]:
    names = {name for name, value in form.multi_items() if isinstance(value, str)}
    return {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in names}


async def _recording(form: FormData) -> bytes:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidInput("the form must have a field 'file', a recording", "file", "missing_required_parameter")
    return await file.read()

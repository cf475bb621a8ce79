"""OpenAI's API for models that write, have embeddings, draw or transcribe: /v1/models, /v1/completions,
/v1/chat/completions, /v1/embeddings, /v1/images/generations and /v1/audio/transcriptions.

Rule: an error before the first token is an ordinary error reply; afterwards it is an event of the stream.
"""

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.text_output import CompletionOutput
from serving.engine.engine import Engine
from serving.engine.generating_model import GeneratingModel
from serving.engine.servable import Servable
from serving.engine.token_inputs import embeds
from serving.errors import InstanceDied, ModelNotReady, Overloaded, SlipwayError
from serving.protocols import openai_errors, openai_replies
from serving.protocols.openai_chunks import DONE, ChatChunks, CompletionChunks
from serving.protocols.openai_replies import ModelCard, ReplyHead
from serving.protocols.openai_requests import TextRequest, decode_chat, decode_completion
from serving.transports.http import openai_transcriptions, schemas
from serving.transports.http.body import plain_body
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import ERRORS, RawRoute, path_parameters
from serving.transports.http.event_stream import EventStream
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.openai_answers import Answers
from serving.transports.http.openai_embeddings import embed
from serving.transports.http.openai_images import draw, draws
from serving.transports.http.recordings import Recordings, transcribes
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER, seconds_in
from serving.transports.status import openai_status

_WORDS = {
    400: "It can't be understood, or does not fit the model.",
    404: "No such model.",
    429: "Too many wait; the header Retry-After says when to try again.",
    500: "The model failed on this request.",
    503: "Not ready, or the request's time is over.",
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": schemas.OpenAIError, "description": words} for status, words in _WORDS.items()},
    413: ERRORS[413],
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "/completions": {"model": "gpt-docs", "prompt": "str.split", "max_tokens": 32},
    "/chat/completions": {"model": "gpt-docs", "messages": [{"role": "user", "content": "str.split"}]},
    "/embeddings": {"model": "encoder", "input": ["one text", "another"]},
    "/images/generations": {"model": "digits-diffusion", "prompt": "seven", "n": 4, "size": "64x64", "seed": 1},
}


def openai_router(engine: Engine, recordings: Recordings) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=RawRoute)

    async def completions(request: Request) -> Response:
        body = await plain_body(request)
        asked = await off_loop_if_large(len(body), lambda: decode_completion(body))
        return await _answer(request, engine, asked, is_chat=False)

    async def chat_completions(request: Request) -> Response:
        body = await plain_body(request)
        asked = await off_loop_if_large(len(body), lambda: decode_chat(body))
        return await _answer(request, engine, asked, is_chat=True)

    async def embeddings(request: Request) -> Response:
        return await embed(request, engine)

    async def images(request: Request) -> Response:
        return await draw(request, engine)

    async def transcriptions(request: Request) -> Response:
        return await openai_transcriptions.transcribe(request, recordings)

    async def models(_: Request) -> Response:
        return _json(openai_replies.models(list(map(_card, filter(_is_listed, engine.models())))))

    async def model(request: Request) -> Response:
        found = engine.model(request.path_params["model"])
        return _json(openai_replies.model(_card(found if _is_listed(found) else engine.generating(found.name))))

    for path, endpoint, summary in (
        ("/completions", completions, "Complete a text"),
        ("/chat/completions", chat_completions, "Answer a conversation"),
        ("/embeddings", embeddings, "Texts to vectors"),
        ("/images/generations", images, "Draw pictures of what a prompt names"),
    ):
        router.post(
            path, name=endpoint.__name__, summary=summary, responses=_ERRORS, openapi_extra=_documented(_EXAMPLES[path])
        )(_with_errors(endpoint))
    router.post(
        "/audio/transcriptions",
        name="transcriptions",
        summary="A recording to its text",
        responses=_ERRORS,
        openapi_extra=openai_transcriptions.OPENAPI,
    )(_with_errors(transcriptions))
    listed = "The models that write, have embeddings, draw or transcribe"
    router.get("/models", name="models", summary=listed)(_with_errors(models))
    router.get(
        "/models/{model}",
        name="model",
        summary="One of them",
        responses={status: _ERRORS[status] for status in (400, 404, 503)},
        openapi_extra={"parameters": path_parameters("model")},
    )(_with_errors(model))
    return router


def _documented(example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"parameters": [TIMEOUT_PARAMETER], "requestBody": {"required": True, "content": content}}


def _with_errors(endpoint: Any) -> Any:
    async def answered(request: Request) -> Response:
        try:
            found: Response = await endpoint(request)
            return found
        except SlipwayError as error:
            return _error(error)

    return answered


def _error(error: SlipwayError) -> Response:
    retry = {"Retry-After": str(error.retry_after)} if isinstance(error, Overloaded | InstanceDied) else {}
    return Response(openai_errors.encode(error), openai_status(error), retry, media_type="application/json")


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _is_listed(model: Servable) -> bool:
    return isinstance(model, GeneratingModel) or embeds(model) or draws(model) or transcribes(model)


def _card(model: Servable) -> ModelCard:
    longest = model.max_length if isinstance(model, GeneratingModel) else None
    return ModelCard(model.name, model.created, longest)


async def _answer(request: Request, engine: Engine, asked: TextRequest, is_chat: bool) -> Response:
    kind = "chatcmpl" if is_chat else "cmpl"
    head = ReplyHead(f"{kind}-{uuid.uuid4().hex}", int(time.time()), asked.model, asked.return_token_ids)
    answers = await until_disconnect(request, _begun(engine, asked, seconds_in(request) or 0.0))
    if asked.stream:
        events = _chat_events(answers, asked, head) if is_chat else _events(answers, asked, head)
        first = await until_disconnect(request, _first(events, answers))
        return EventStream(first, events, request.url.path, openai_errors.event, DONE)
    async with aclosing(answers):
        outputs = await until_disconnect(request, answers.whole())
    encode = openai_replies.chat_completion if is_chat else openai_replies.completion
    return _json(encode(head, outputs, answers.usage))


async def _begun(engine: Engine, asked: TextRequest, timeout: float) -> Answers:
    """By the model's next version where the one that was asked unloads before it accepted all."""
    model, now = engine.generating(asked.model), datetime.now().astimezone()
    timeline = engine.traced(model)
    try:
        return await Answers.begin(model, asked, now, timeout, timeline)
    except ModelNotReady:
        successor = engine.generating(asked.model)
        if successor is model:
            raise
        return await Answers.begin(successor, asked, now, timeout, timeline)


async def _first(events: AsyncGenerator[bytes, None], answers: Answers) -> bytes:
    try:
        return await anext(events)
    except BaseException:
        await answers.aclose()
        raise


async def _events(answers: Answers, asked: TextRequest, head: ReplyHead) -> AsyncGenerator[bytes, None]:
    chunks = CompletionChunks(head)

    def usage() -> Any:
        return answers.usage if asked.continuous_usage else None

    async with aclosing(answers), aclosing(answers.parts()) as parts:
        if asked.echo:
            for index in answers.indices:
                yield chunks.chunk(CompletionOutput(index, answers.echo(index)), usage())
        async for part in parts:
            yield chunks.chunk(part, usage())
        if asked.include_usage:
            yield chunks.usage(answers.usage)


async def _chat_events(answers: Answers, asked: TextRequest, head: ReplyHead) -> AsyncGenerator[bytes, None]:
    chunks = ChatChunks(head)
    begun: set[int] = set()

    def usage() -> Any:
        return answers.usage if asked.continuous_usage else None

    async with aclosing(answers), aclosing(answers.parts()) as parts:
        async for part in parts:
            if part.index not in begun:
                begun.add(part.index)
                yield chunks.first(part.index, usage())
            yield chunks.chunk(part, usage())
        if asked.include_usage:
            yield chunks.usage(answers.usage)

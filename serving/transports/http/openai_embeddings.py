"""OpenAI's /v1/embeddings: texts to vectors, each text a request of its own to the dynamic batcher.

Rule: all of them are answered or none.
"""

import asyncio
from functools import partial

from fastapi import Request
from fastapi.responses import Response

from serving.core.requests import InferRequest, InferResponse
from serving.engine.engine import Engine
from serving.engine.served_model import ServedModel
from serving.engine.token_inputs import EMBEDDING, inputs_for
from serving.errors import ContextTooLong, Unsupported
from serving.protocols import openai_embeddings
from serving.protocols.openai_embeddings import EmbeddingRequest
from serving.transports.http.body import plain_body
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.prompt_tokens import check
from serving.transports.http.timeout_header import seconds_in

Tokens = tuple[int, ...]


async def embed(request: Request, engine: Engine) -> Response:
    """Raises what `Engine.infer` does, and `InvalidInput`."""
    body = await plain_body(request)
    asked = await off_loop_if_large(len(body), partial(openai_embeddings.decode, body))
    model = engine.embedding(asked.model)
    size = model.outputs[EMBEDDING].shape[-1]
    if asked.dimensions and asked.dimensions != size:
        raise Unsupported(f"'dimensions' must be left out, the model's are {size}", "dimensions", "unsupported_value")
    texts = await off_loop_if_large(16 * len(body), partial(_tokens, model, asked))
    seconds = seconds_in(request)
    requests = [
        InferRequest(model.name, inputs_for(model, tokens), output_names=(EMBEDDING,), priority=asked.priority)
        for tokens in texts
    ]
    answers = await until_disconnect(request, _all(engine, [each.within(seconds) for each in requests]))
    vectors = [answer.outputs[EMBEDDING][0] for answer in answers]
    encode = partial(openai_embeddings.encode, asked.model, vectors, sum(map(len, texts)), asked.as_base64)
    content = await off_loop_if_large(sum(vector.nbytes for vector in vectors), encode)
    return Response(content, media_type="application/json")


async def _all(engine: Engine, requests: list[InferRequest]) -> list[InferResponse]:
    asked = [asyncio.ensure_future(engine.infer(request)) for request in requests]
    try:
        return await asyncio.gather(*asked)
    finally:
        for each in asked:
            each.cancel()


def _tokens(model: ServedModel, asked: EmbeddingRequest) -> list[Tokens]:
    assert model.tokenizer is not None
    tokenizer, longest = model.tokenizer, model.tokenizer.model_max_length
    most = _most(asked.truncate_prompt_tokens, longest, tokenizer.cuts)
    found = []
    for text in asked.inputs:
        tokens = tokenizer.encode(text, asked.add_special_tokens, most) if isinstance(text, str) else text[:most]
        if longest and len(tokens) > longest:
            raise ContextTooLong(f"This model's maximum context length is {longest} tokens, got {len(tokens)}", "input")
        check(tokens, tokenizer.vocab_size, "input")
        found.append(tokens)
    return found


def _most(asked: int | None, longest: int | None, cuts: bool) -> int | None:
    """How many tokens of each text are read, None for all: what was asked, -1 for as many as the model can, which is
    also as many as one reads that `cuts` by itself."""
    if asked is None or asked < 0:
        return longest if cuts or asked is not None else None
    return min(asked, longest) if cuts and longest else asked

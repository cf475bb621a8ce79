"""OpenAI's /v1/embeddings: texts to vectors, each text a request of its own to the dynamic batcher.

Rule: all of them are answered or none.
"""

from functools import partial

from fastapi import Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.meant_version import meant_version
from serving.engine.served_model import ServedModel
from serving.engine.token_inputs import EMBEDDING, inputs_for, tokenizer_text
from serving.errors import Unsupported
from serving.protocols import openai_embeddings
from serving.protocols.openai_embeddings import EmbeddingRequest
from serving.transports.http.all_or_none import infer_all
from serving.transports.http.body import plain_body
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.prompt_tokens import Tokens, read
from serving.transports.http.timeout_header import seconds_in


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
    version = meant_version(model, engine.versions(model.name), tokenizer_text)
    requests = [
        InferRequest(model.name, inputs_for(model, tokens), version, output_names=(EMBEDDING,), priority=asked.priority)
        for tokens in texts
    ]
    answers = await until_disconnect(request, infer_all(engine, [each.within(seconds) for each in requests]))
    vectors = [answer.outputs[EMBEDDING][0] for answer in answers]
    encode = partial(openai_embeddings.encode, asked.model, vectors, sum(map(len, texts)), asked.as_base64)
    content = await off_loop_if_large(sum(vector.nbytes for vector in vectors), encode)
    return Response(content, media_type="application/json")


def _tokens(model: ServedModel, asked: EmbeddingRequest) -> list[Tokens]:
    return [read(model, text, asked.truncate_prompt_tokens, "input", asked.add_special_tokens) for text in asked.inputs]

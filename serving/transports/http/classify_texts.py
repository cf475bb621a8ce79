"""Texts in, labels with scores out, for models with a tokenizer.

Rule: each text is a request of its own to the dynamic batcher, so that they run together; all are answered or none.
"""

from functools import partial

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.meant_version import meant_version
from serving.engine.served_model import ServedModel
from serving.engine.token_inputs import inputs_for, tokenizer_text
from serving.protocols import classify_texts as codec
from serving.protocols.classify import encode_scores
from serving.protocols.classify_texts import TextsRequest
from serving.transports.http.all_or_none import infer_all
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.off_loop import TELLING, off_loop_if_large
from serving.transports.http.prompt_tokens import Tokens, read
from serving.transports.http.replies import json_reply
from serving.transports.http.timeout_header import seconds_in


async def classify_texts(
    request: Request, engine: Engine, model: ServedModel, body: bytes, top_k: int | None
) -> Response:
    """`top_k` is what the query said, or None. Raises what `Engine.infer` does, and `InvalidInput`."""
    output = codec.scores_output(model.name, tuple(model.outputs.values()), model.labels)
    asked = await off_loop_if_large(len(body), partial(codec.decode, body, top_k))
    texts = await off_loop_if_large(16 * len(body), partial(_tokens, model, asked))
    seconds = seconds_in(request)
    version = meant_version(model, engine.versions(model.name), tokenizer_text)
    requests = [
        InferRequest(model.name, inputs_for(model, tokens), version, output_names=(output,)) for tokens in texts
    ]
    answers = await until_disconnect(request, infer_all(engine, [each.within(seconds) for each in requests]))
    scores = np.concatenate([answer.outputs[output] for answer in answers])
    labels = answers[0].labels.get(output, ())
    return await off_loop_if_large(TELLING * scores.size, lambda: json_reply(encode_scores(scores, asked, labels)))


def _tokens(model: ServedModel, asked: TextsRequest) -> list[Tokens]:
    return [
        read(model, text, asked.truncate_prompt_tokens, f"inputs[{number}]" if asked.batched else "inputs")
        for number, text in enumerate(asked.inputs)
    ]

"""OpenAI's /v1/images/generations: a label's name to pictures of it, made by a model from noise.

Rule: all of them are answered or none; whoever gives no seed is told the one that was drawn.
"""

import secrets
import time
from functools import partial

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from serving.core.requests import InferRequest
from serving.engine.engine import Engine
from serving.engine.meant_version import meant_version
from serving.engine.servable import Servable
from serving.errors import InvalidInput
from serving.protocols import openai_images
from serving.protocols.named_labels import names
from serving.protocols.openai_images import IMAGE, ImagesRequest, Pictures
from serving.transports.http.all_or_none import infer_all
from serving.transports.http.body import plain_body
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.timeout_header import seconds_in

_DRAWN_SEEDS = 2**31  # of a size that everybody can write down


async def draw(request: Request, engine: Engine) -> Response:
    """Raises what `Engine.infer` does, and `InvalidInput`."""
    body = await plain_body(request)
    asked = await off_loop_if_large(len(body), partial(openai_images.decode, body))
    model = _drawing(engine, asked.model)
    label, size = model.label(asked.prompt), model.width_and_height(asked.size)
    seed = secrets.randbelow(_DRAWN_SEEDS) if asked.seed is None else asked.seed
    version = meant_version(
        engine.model(asked.model), engine.versions(asked.model), lambda each: each.labels.get(IMAGE)
    )
    seconds = seconds_in(request)
    requests = [
        InferRequest(asked.model, inputs, version, output_names=(IMAGE,), priority=asked.priority).within(seconds)
        for inputs in openai_images.tensors(model, label, asked.n, seed)
    ]
    answers = await until_disconnect(request, infer_all(engine, requests))
    images = np.concatenate([answer.outputs[IMAGE] for answer in answers])
    write = partial(_reply, images, asked, names(model.labels[label])[0], size, seed)
    content = await off_loop_if_large(asked.n * size[0] * size[1] * model.shape[0], write)
    return Response(content, media_type="application/json")


def draws(model: Servable) -> bool:
    return _pictures(model) is not None


def _pictures(model: Servable) -> Pictures | None:
    return openai_images.pictures(model.name, model.inputs, model.outputs, model.labels, model.max_batch_size)


def _drawing(engine: Engine, name: str) -> Pictures:
    found = _pictures(engine.model(name))
    if found is None:
        raise InvalidInput(f"model '{name}' makes no pictures; those that do: {engine.those(draws)}", "model")
    return found


def _reply(images: np.ndarray, asked: ImagesRequest, label: str, size: tuple[int, int], seed: int) -> bytes:
    contents = openai_images.files(images, asked, size)
    return openai_images.encode(int(time.time()), contents, label, asked, f"{size[0]}x{size[1]}", seed)

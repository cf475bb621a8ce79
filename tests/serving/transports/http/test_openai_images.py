"""Pictures over a real socket, asked for by the official client, of a model whose pixels are easily told."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from PIL import Image

from serving.protocols.openai_images import noise
from tests import tiny_models
from tests.running_server import RunningServer, running

SHAPE = (1, 4, 4)


def pixels(label: int, n: int, seed: int) -> np.ndarray:
    return np.rint(100 + 20 * noise(SHAPE, n, seed)[:, 0] + 50 * label).clip(0, 255)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("drawing")
    tiny_models.add_drawing(root)
    tiny_models.add_double(root)
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


def drawn(client: openai.OpenAI, prompt: str, **asked: Any) -> np.ndarray:
    reply = client.images.generate(model="drawing", prompt=prompt, **asked)
    files = [base64.b64decode(it.b64_json or "") for it in reply.data or ()]
    return np.array([np.asarray(Image.open(io.BytesIO(file))) for file in files])


@pytest.mark.parametrize("n", [1, 4, 10])
def test_a_seed_gives_the_same_pictures_however_many_the_model_takes_at_a_time(client: openai.OpenAI, n: int) -> None:
    found = drawn(client, "Something bright, please", n=n, response_format="b64_json", extra_body={"seed": 1})
    assert np.abs(found - pixels(1, n, 1)).max() <= 1
    assert np.array_equal(found, drawn(client, "white", n=n, extra_body={"seed": 1}))


def test_the_seed_that_was_drawn_is_told(client: openai.OpenAI) -> None:
    one, other = (client.images.generate(model="drawing", prompt="pale") for _ in range(2))
    assert one.model_extra is not None
    assert other.model_extra is not None
    assert one.model_extra["seed"] != other.model_extra["seed"]
    again = client.images.generate(model="drawing", prompt="pale", extra_body=one.model_extra)
    assert again.data == one.data
    assert again.data is not None
    assert (again.data[0].revised_prompt, again.size, again.output_format) == ("pale", "4x4", "png")


def test_a_multiple_of_the_size_repeats_pixels(client: openai.OpenAI) -> None:
    size: Any = "12x12"
    found = drawn(client, "pale", size=size, extra_body={"seed": 3})
    assert found.shape == (1, 12, 12)
    assert np.array_equal(found[:, ::3, ::3], drawn(client, "pale", extra_body={"seed": 3}))


def test_models_that_draw_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["drawing"]
    assert client.models.retrieve("drawing").id == "drawing"


@pytest.mark.parametrize(
    ("asked", "status", "param", "words"),
    [
        ({"model": "double"}, 400, "model", "'double' makes no pictures; those that do: drawing"),
        ({"model": "nobody"}, 404, "model", "nobody"),
        ({"prompt": "a cat"}, 400, "prompt", "it draws pale, bright, white"),
        ({"size": "5x5"}, 400, "size", "multiple of 4x4"),
        ({"n": 11}, 400, "n", "from 1 to 10"),
        ({"response_format": "url"}, 400, "response_format", "b64_json"),
    ],
)
def test_what_is_wrong_is_named(
    client: openai.OpenAI, asked: dict[str, Any], status: int, param: str, words: str
) -> None:
    with pytest.raises(openai.APIStatusError, match=words) as refused:
        client.images.generate(**{"model": "drawing", "prompt": "pale", **asked})
    assert (refused.value.status_code, refused.value.param) == (status, param)

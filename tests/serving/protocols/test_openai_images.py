import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from PIL import Image

from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import openai_images
from serving.protocols.openai_images import ImagesRequest, Pictures
from tests import openai_server
from tests.openai_server import Exchange

LABELS = ("zero, 0", "seven, 7")
MODEL = Pictures("m", (1, 2, 4), LABELS, 3)
SPECS = (TensorSpec("label", "INT64", (-1, 1)), TensorSpec("noise", "FP32", (-1, 1, 2, 4)))
IMAGE = TensorSpec("image", "FP32", (-1, 1, 2, 4))
ASKED = ImagesRequest("m", "seven")


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def decode(**body: Any) -> ImagesRequest:
    return openai_images.decode(json.dumps({"model": "m", "prompt": "seven", **body}).encode())


def recognised(*inputs: TensorSpec, image: TensorSpec = IMAGE, labels: Any = LABELS) -> Pictures | None:
    return openai_images.pictures("m", {it.name: it for it in inputs}, {image.name: image}, {"image": labels}, 3)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_the_official_client_is_understood_and_reads_what_comes(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(openai_images.encode(9, [b"one", b"two"], "seven", ASKED, "4x2", 5))
    found = client.images.generate(
        model="m", prompt="seven", n=2, size="8x4", response_format="b64_json", quality="high", extra_body={"seed": 5}
    )
    assert openai_images.decode(exchange.body) == ImagesRequest("m", "seven", 2, (8, 4), 5)
    assert found.data is not None
    assert [base64.b64decode(it.b64_json or "") for it in found.data] == [b"one", b"two"]
    assert (found.created, found.size, found.output_format, found.data[0].revised_prompt) == (9, "4x2", "png", "seven")
    assert found.model_extra == {"seed": 5}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"prompt": ["seven"]}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "8x"}, "size"),
        ({"size": 8}, "size"),
        ({"seed": 2**63}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"response_format": "url"}, "response_format"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_compression": 101}, "output_compression"),
        ({"background": "transparent"}, "background"),
        ({"stream": True}, "stream"),
        ({"partial_images": 2}, "stream"),
        ({"frame_count": 2}, "frame_count"),
        ({"negative_prompt": "eight"}, "negative_prompt"),
        ({"guidance_scale": 7.5}, "guidance_scale"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(**body)
    assert caught.value.param == param


def test_what_has_no_effect_is_taken() -> None:
    assert decode(quality="hd", style="vivid", moderation="low", user="u", background="opaque", size="auto") == ASKED


def test_a_model_is_known_by_its_tensors() -> None:
    assert recognised(*SPECS) == MODEL
    assert recognised(SPECS[0]) is None
    assert recognised(*SPECS, labels=()) is None
    assert recognised(*SPECS, image=TensorSpec("image", "FP32", (-1, 3, 2, 4))) is None
    assert recognised(*SPECS, image=TensorSpec("image", "INT64", (-1, 1, 2, 4))) is None
    assert recognised(TensorSpec("label", "FP32", (-1, 1)), SPECS[1]) is None
    assert recognised(SPECS[0], TensorSpec("noise", "FP32", (-1, 1, -1, 4))) is None


def test_sizes_are_multiples_of_the_models() -> None:
    assert MODEL.width_and_height(None) == (4, 2)
    assert MODEL.width_and_height((400, 200)) == (400, 200)
    for wrong in ((2, 1), (8, 8), (5, 2), (4, 4), (4096, 2048)):
        with pytest.raises(InvalidInput, match=r'"auto" or a multiple of 4x2.*up to 2048x1024') as caught:
            MODEL.width_and_height(wrong)
        assert caught.value.param == "size"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat", "must name what model 'm' can draw, got 'a cat'; it draws zero, 0, seven, 7"),
        ("zero and seven", "names 'zero' and 'seven'; ask for one"),
    ],
)
def test_a_prompt_must_name_one_label(prompt: str, words: str) -> None:
    assert MODEL.label("The digit SEVEN.") == 1
    with pytest.raises(InvalidInput, match=words) as caught:
        MODEL.label(prompt)
    assert caught.value.param == "prompt"


def test_of_many_labels_the_nearest_is_told() -> None:
    many = Pictures("m", (1, 2, 4), tuple(f"label{number:03}" for number in range(100)), 3)
    with pytest.raises(InvalidInput, match="did you mean label042"):
        many.label("labell042")


def test_a_seeds_noise_is_numpys_and_its_first_pictures_do_not_depend_on_how_many() -> None:
    many, few = openai_images.noise((1, 2, 4), 5, 7), openai_images.noise((1, 2, 4), 2, 7)
    assert many.dtype == np.float32
    assert np.array_equal(many[:2], few)
    assert np.array_equal(few[0], np.random.default_rng(7).standard_normal((1, 2, 4), np.float32))
    assert not np.array_equal(few, openai_images.noise((1, 2, 4), 2, 8))
    assert not np.array_equal(few, openai_images.noise((1, 2, 4), 2, -7))


def test_more_pictures_than_the_model_takes_are_several_requests() -> None:
    parts = openai_images.tensors(MODEL, label=1, n=7, seed=1)
    assert [part["label"].tolist() for part in parts] == [[[1]] * 3, [[1]] * 3, [[1]]]
    assert np.array_equal(np.concatenate([part["noise"] for part in parts]), openai_images.noise((1, 2, 4), 7, 1))


def test_a_pngs_pixels_are_the_models_rounded_each_repeated() -> None:
    image = np.array([[[[-3, 0.4, 0.6, 99], [254.6, 255, 300, 7]]]], np.float32)
    (content,) = openai_images.files(image, ASKED, (8, 4))
    found = pixels(content)
    assert found[::2, ::2].tolist() == found[1::2, 1::2].tolist() == [[0, 0, 1, 99], [255, 255, 255, 7]]


def test_colours_are_kept() -> None:
    image = np.zeros((1, 3, 2, 2), np.float32)
    image[0, 1] = 200
    (content,) = openai_images.files(image, ASKED, (2, 2))
    assert pixels(content).tolist() == [[[0, 200, 0]] * 2] * 2


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_other_formats_are_smaller_with_more_compression(form: str) -> None:
    image = np.random.default_rng(1).uniform(0, 255, (1, 1, 64, 64)).astype(np.float32)

    def size(compression: int) -> int:
        asked = ImagesRequest("m", "seven", form=form, compression=compression)
        (content,) = openai_images.files(image, asked, (64, 64))
        assert Image.open(io.BytesIO(content)).format == form.upper()
        return len(content)

    assert size(10) < size(90)


def test_what_is_no_number_is_the_models_fault() -> None:
    with pytest.raises(BackendFailed, match="not finite"):
        openai_images.files(np.full((1, 1, 2, 4), np.nan, np.float32), ASKED, (4, 2))

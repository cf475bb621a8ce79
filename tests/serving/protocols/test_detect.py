import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import detect
from serving.protocols.detect import DetectRequest
from serving.protocols.letterbox import letterbox

IMAGE = TensorSpec("image", "FP32", (-1, 1, 16, 16))
OUTPUTS = [
    TensorSpec("boxes", "FP32", (-1, 3, 4)),
    TensorSpec("scores", "FP32", (-1, 3)),
    TensorSpec("classes", "INT64", (-1, 3)),
]
DETECTOR = detect.detector("finder", [IMAGE], OUTPUTS, 4)
SQUARE = letterbox((16, 16), (16, 16))
ALL = DetectRequest([b""], batched=False, threshold=0.0, top_k=9)
ANSWER = {
    "boxes": np.float32([[[1, 2, 3, 4], [0, 0, 16, 16], [0, 0, 0, 0]]]),
    "scores": np.float32([[0.75, 0.5, 0]]),
    "classes": np.array([[1, 0, 0]]),
}


def png(size: tuple[int, int] = (16, 16)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, 7).save(buffer, "PNG")
    return buffer.getvalue()


def text() -> str:
    return base64.b64encode(png()).decode()


def decode(inputs: Any, **parameters: Any) -> DetectRequest:
    body = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    return detect.decode_body(body, DETECTOR, None, None)


def test_a_picture_is_the_body_or_a_text_or_one_of_a_list() -> None:
    assert detect.decode_body(png(), DETECTOR, 0.25, 3) == DetectRequest([png()], False, 0.25, 3)
    assert decode(text()).pictures == [png()]
    assert decode([text(), text()]) == DetectRequest([png()] * 2, True, detect.DEFAULT_THRESHOLD, decode("").top_k)


def test_the_documents_parameters_win() -> None:
    body = json.dumps({"inputs": text(), "parameters": {"threshold": 1, "top_k": 2}}).encode()
    asked = detect.decode_body(body, DETECTOR, 0.1, 7)
    assert (asked.threshold, asked.top_k) == (1.0, 2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b'{"inputs": 5}', "must be a base64 image, or a list of them, got 5"),
        (b'{"inputs": [[1, 2]]}', "must be a base64 image, or a list of them, got a list of 1"),
        (b'{"inputs": "***"}', "not base64"),
        (b'{"inputs": []}', "takes 1 to 4 examples at a time, got 0"),
        (b'{"inputs": "", "parameters": {"threshold": 1.5}}', "'threshold' must be a number from 0 to 1, got 1.5"),
        (b'{"inputs": "", "parameters": {"threshold": true}}', "'threshold' must be a number from 0 to 1, got True"),
        (b'{"inputs": "", "parameters": {"threshold": NaN}}', "'threshold' must be a number from 0 to 1, got nan"),
        (b'{"inputs": "", "parameters": {"top_k": 0}}', "'top_k' must be an integer >= 1, got 0"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        detect.decode_body(body, DETECTOR, None, None)


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([IMAGE], OUTPUTS[:2], "finds no objects. Use POST /v1/models/m/classify"),
        ([IMAGE, IMAGE], OUTPUTS, "takes image .*, image .*; detect works with one input"),
        ([TensorSpec("x", "FP32", (-1, 7))], OUTPUTS, r"takes x FP32 \[-1,7\]; detect works with one input, a picture"),
    ],
)
def test_models_that_are_no_detectors_are_told_apart(
    inputs: list[TensorSpec], outputs: list[TensorSpec], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        detect.detector("m", inputs, outputs, 4)


def test_the_whole_picture_is_a_row() -> None:
    pixels, place = detect.to_pixels(png((32, 16)), DETECTOR)
    assert (pixels.shape, place) == ((1, 16, 16), letterbox((32, 16), (16, 16)))
    single = detect.detector("m", [TensorSpec("image", "UINT8", (16, 16, 3))], OUTPUTS, 0)
    assert detect.to_pixels(png(), single)[0].shape == (16, 16, 3)


def test_what_is_found_has_labels_and_boxes_best_first() -> None:
    spot = {"label": "spot", "score": 0.75, "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}
    shade = {"label": "shade", "score": 0.5, "box": {"xmin": 0, "ymin": 0, "xmax": 16, "ymax": 16}}
    assert detect.encode(ANSWER, [SQUARE], ALL, ["shade", "spot"]) == [spot, shade]
    backwards = {name: array[:, ::-1] for name, array in ANSWER.items()}
    assert detect.encode(backwards, [SQUARE], ALL, ["shade", "spot"]) == [spot, shade]
    unbatched = {name: array[0] for name, array in ANSWER.items()}
    assert detect.encode(unbatched, [SQUARE], ALL, ["shade", "spot"]) == [spot, shade]
    assert [found["label"] for found in detect.encode(ANSWER, [SQUARE], ALL, ())] == ["LABEL_1", "LABEL_0"]


def test_threshold_and_top_k_limit_what_is_answered() -> None:
    assert len(detect.encode(ANSWER, [SQUARE], DetectRequest([b""], False, 0.5, 9), ())) == 2
    assert len(detect.encode(ANSWER, [SQUARE], DetectRequest([b""], False, 0.51, 9), ())) == 1
    assert len(detect.encode(ANSWER, [SQUARE], DetectRequest([b""], False, 0.0, 1), ())) == 1


def test_boxes_are_in_each_pictures_own_pixels_and_in_the_picture() -> None:
    request = DetectRequest([b""] * 2, True, 0.0, 9)
    answer = {name: np.concatenate([array, array]) for name, array in ANSWER.items()}
    places = [letterbox((160, 160), (16, 16)), letterbox((32, 16), (16, 16))]
    large, wide = detect.encode(answer, places, request, ["shade", "spot"])
    assert [list(found["box"].values()) for found in large] == [[10, 20, 30, 40], [0, 0, 160, 160]]
    assert [list(found["box"].values()) for found in wide] == [[0, 0, 32, 16]]  # the other one lay above it


@pytest.mark.parametrize("name", ["boxes", "scores"])
def test_what_is_no_number_is_the_models_failure(name: str) -> None:
    broken = {**ANSWER, name: np.full_like(ANSWER[name], np.nan)}
    with pytest.raises(BackendFailed, match="not finite"):
        detect.encode(broken, [SQUARE], ALL, ())


def test_what_has_no_score_may_have_any_box() -> None:
    boxes = ANSWER["boxes"].copy()
    boxes[0, 2] = np.nan
    assert len(detect.encode({**ANSWER, "boxes": boxes}, [SQUARE], ALL, ())) == 2


def test_other_shapes_are_the_models_failure() -> None:
    with pytest.raises(BackendFailed, match=r"got boxes \[1, 3, 4\], scores \[1, 2\]"):
        detect.encode({**ANSWER, "scores": ANSWER["scores"][:, :2]}, [SQUARE], ALL, ())

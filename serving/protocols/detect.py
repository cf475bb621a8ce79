"""The people's endpoint for detectors: a picture in, `[{"label", "score", "box"}, ...]` out, best first.

The reply is that of hosted inference APIs. Rule: boxes are in pixels of the picture as it was sent, turned upright;
one picture gives one list, a list of pictures a list of lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.requests import Arrays, TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import hosted_json, images
from serving.protocols.images import ImageLayout
from serving.protocols.letterbox import Letterbox
from serving.protocols.people_routes import DETECT, route

DEFAULT_THRESHOLD = 0.5
PARAMETERS = ("threshold", hosted_json.TOP_K)
_ALL = 2**31
_FILE = "an image"


@dataclass(frozen=True, slots=True)
class Detector:
    """What a detector takes: its one input, a picture."""

    model_name: str
    input: TensorSpec
    layout: ImageLayout
    max_batch_size: int


@dataclass(frozen=True, slots=True)
class DetectRequest:
    """Encoded `pictures`; `batched` tells whether the caller sent a list."""

    pictures: list[bytes]
    batched: bool
    threshold: float
    top_k: int


def detector(
    model_name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], max_batch_size: int
) -> Detector:
    """Raises `InvalidInput` when the model does not take a picture or does not answer boxes."""
    if route(spec.name for spec in outputs) != DETECT:
        raise InvalidInput(
            f"model '{model_name}' has no outputs 'boxes', 'scores' and 'classes', so it finds no objects. "
            f"Use POST /v1/models/{model_name}/classify, or /v2/models/{model_name}/infer"
        )
    layout = images.layout_of(inputs[0], max_batch_size) if len(inputs) == 1 else None
    if layout is None:
        takes = ", ".join(map(str, inputs))
        raise InvalidInput(
            f"model '{model_name}' takes {takes}; detect works with one input, a picture of fixed size with 1 or 3 "
            f"channels. Use POST /v2/models/{model_name}/infer"
        )
    return Detector(model_name, inputs[0], layout, max_batch_size)


def decode_body(body: bytes, detector: Detector, threshold: float | None, top_k: int | None) -> DetectRequest:
    """A JSON document, or else a picture, which is left encoded. The other two are what the query or form said."""
    if not hosted_json.is_json(body, _FILE):
        return _request([body], False, threshold, top_k)
    inputs, parameters = hosted_json.decode(body, "a base64 image, or a list of them", PARAMETERS)
    threshold, top_k = parameters.get("threshold", threshold), parameters.get("top_k", top_k)
    if type(inputs) is str:
        return _request([hosted_json.file(inputs, _FILE)], False, threshold, top_k)
    if type(inputs) is not list or not all(type(each) is str for each in inputs):
        raise InvalidInput(f"'inputs' must be a base64 image, or a list of them, got {brief(inputs)}")
    hosted_json.check_count(len(inputs), detector.model_name, detector.max_batch_size)
    return _request([hosted_json.file(each, _FILE) for each in inputs], True, threshold, top_k)


def to_pixels(picture: bytes, detector: Detector) -> tuple[np.ndarray, Letterbox]:
    """One row of the model's input, and where in it the picture is."""
    shape = detector.input.shape[1:] if detector.max_batch_size else detector.input.shape
    return images.letterboxed(picture, detector.layout, shape)


def encode(
    outputs: Arrays, places: Sequence[Letterbox], request: DetectRequest, labels: Sequence[str]
) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
    """`outputs` of the whole batch, `boxes` [rows, K, 4] or, without batching, [K, 4].

    Raises `BackendFailed` for outputs of other shapes, or that JSON can't hold.
    """
    boxes, scores, classes = _rows(outputs)
    if not (np.isfinite(scores).all() and np.isfinite(boxes[scores > 0]).all()):
        raise BackendFailed("the model answered boxes or scores that are not finite numbers")
    rows = [
        _found(place.into_picture(boxes[row].astype(np.float64)), scores[row], classes[row], request, labels)
        for row, place in enumerate(places)
    ]
    return rows if request.batched else rows[0]


def _request(pictures: list[bytes], batched: bool, threshold: Any, top_k: Any) -> DetectRequest:
    return DetectRequest(pictures, batched, _threshold(threshold), hosted_json.top_k(top_k, _ALL))


def _threshold(value: Any) -> float:
    if value is None:
        return DEFAULT_THRESHOLD
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise InvalidInput(f"'threshold' must be a number from 0 to 1, got {brief(value)}")
    return float(value)


def _rows(outputs: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, classes = np.atleast_2d(outputs["scores"]), np.atleast_2d(outputs["classes"])
    boxes = outputs["boxes"].reshape(-1, *outputs["boxes"].shape[-2:])
    if not (scores.shape == classes.shape and boxes.shape == (*scores.shape, 4)):
        shapes = ", ".join(f"{name} {list(outputs[name].shape)}" for name in ("boxes", "scores", "classes"))
        raise BackendFailed(f"a detector answers boxes [N, K, 4], scores [N, K] and classes [N, K]; got {shapes}")
    return boxes, scores, classes


def _found(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, request: DetectRequest, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Without those that are beside the picture, of which nothing is left."""
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    kept = has_area & (scores > 0) & (scores >= request.threshold)
    best = [at for at in np.argsort(-scores, kind="stable").tolist() if kept[at]][: request.top_k]
    return [
        {"label": _label(int(classes[at]), labels), "score": float(scores[at]), "box": _box(boxes[at])} for at in best
    ]


def _label(index: int, labels: Sequence[str]) -> str:
    return labels[index] if 0 <= index < len(labels) else f"LABEL_{index}"


def _box(box: np.ndarray) -> dict[str, float]:
    return dict(zip(("xmin", "ymin", "xmax", "ymax"), box.tolist(), strict=True))

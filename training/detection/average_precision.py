"""How good detections are: COCO's mean average precision.

Rule: from what is served, best first, with a score of 0 where there is nothing; the counting is faster-coco-eval's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from serving.core.requests import Arrays

_ALL_SIZES, _ALL_BOXES = 0, -1  # of the areas and the limits of boxes that COCO tells apart


def average_precision(outputs: Arrays, truths: Arrays, labels: int) -> Mapping[str, float]:
    """`mAP@0.5`, and `mAP@0.5:0.95`, the mean over overlaps of 0.5 to 0.95; classes that never come don't count.

    Both have `boxes` [N, K, 4] and `classes` [N, K]; `outputs` also `scores`; in `truths` a class of -1 is nothing.
    """
    precision = _precision(outputs, truths, labels)
    return {"mAP@0.5": _mean(precision[0]), "mAP@0.5:0.95": _mean(precision)}


def by_class(outputs: Arrays, truths: Arrays, labels: int) -> list[float]:
    """At an overlap of 0.5; 0 for classes that never come."""
    precision = _precision(outputs, truths, labels)
    return [_mean(precision[0, :, label]) for label in range(labels)]


def _precision(outputs: Arrays, truths: Arrays, labels: int) -> np.ndarray:
    """[overlaps, recalls, classes]; -1 for classes that never come."""
    wanted, found = COCO(_dataset(truths, labels)), _found(outputs)
    if not len(found) or not wanted.anns:
        return np.zeros((1, 1, labels))
    judged = COCOeval_faster(wanted, wanted.loadRes(found), "bbox")
    judged.params.maxDets = [outputs["scores"].shape[1]]
    judged.evaluate()
    judged.accumulate()
    precision: np.ndarray = judged.eval["precision"][:, :, :, _ALL_SIZES, _ALL_BOXES]
    return precision


def _mean(precision: np.ndarray) -> float:
    there = precision[precision >= 0]
    return float(there.mean()) if there.size else 0.0


def _dataset(truths: Arrays, labels: int) -> dict[str, Any]:
    return {
        "images": [{"id": row} for row in range(len(truths["classes"]))],
        "categories": [{"id": label} for label in range(labels)],
        "annotations": [{"id": number, **each} for number, each in enumerate(_annotations(truths), 1)],
    }


def _annotations(truths: Arrays) -> Iterator[dict[str, Any]]:
    for row, at in np.argwhere(truths["classes"] >= 0).tolist():
        left, top, right, bottom = truths["boxes"][row, at].tolist()
        size = (right - left, bottom - top)
        yield {
            "image_id": row,
            "category_id": int(truths["classes"][row, at]),
            "bbox": [left, top, *size],
            "area": size[0] * size[1],
            "iscrowd": 0,
        }


def _found(outputs: Arrays) -> np.ndarray:
    """Picture, left, top, width, height, score, class."""
    rows, at = (outputs["scores"] > 0).nonzero()
    boxes = outputs["boxes"][rows, at].astype(np.float64)
    scores, classes = outputs["scores"][rows, at], outputs["classes"][rows, at]
    return np.column_stack([rows, boxes[:, :2], boxes[:, 2:] - boxes[:, :2], scores, classes])

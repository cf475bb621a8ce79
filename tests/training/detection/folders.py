"""Folders of pictures with COCO's JSON, such as a person has."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CATEGORIES = [{"id": 7, "name": "square"}, {"id": 3, "name": "bar"}]


def document(folder: Path, count: int = 40, size: tuple[int, int] = (64, 32)) -> dict[str, Any]:
    """Write pictures of a bright square each, of another shade, and give what the JSON says of them."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        pixels = np.full((size[1], size[0]), number, np.uint8)
        left = number % (size[0] - 12)
        pixels[10:22, left : left + 12] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": size[0], "height": size[1]})
        annotations.append({"id": number, "image_id": number, "category_id": 7, "bbox": [left, 10, 12, 12]})
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def write(folder: Path, document: Any) -> Path:
    (folder / "instances.json").write_text(json.dumps(document))
    return folder

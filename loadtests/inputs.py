"""Requests that a model understands, made from what it says of its inputs.

Rule: the same seed makes the same requests.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from loadtests.asking import CannotTest
from loadtests.call import Call


def calls(metadata: Mapping[str, Any], count: int, seed: int) -> tuple[Call, ...]:
    """So many different ones, of one row each, as v2 JSON. Raises `CannotTest`."""
    random = np.random.default_rng(seed)
    return tuple(_call(metadata, random) for _ in range(count))


def _call(metadata: Mapping[str, Any], random: np.random.Generator) -> Call:
    inputs = []
    for tensor in metadata["inputs"]:
        if not tensor["datatype"].startswith(("FP", "INT", "UINT")):
            raise CannotTest(f"input '{tensor['name']}' is {tensor['datatype']}; only numbers are made up")
        shape = [1 if dim < 0 else dim for dim in tensor["shape"]]
        data = random.integers(0, 100, int(np.prod(shape))).tolist()
        inputs.append({"name": tensor["name"], "datatype": tensor["datatype"], "shape": shape, "data": data})
    return Call(f"/v2/models/{metadata['name']}/infer", json.dumps({"inputs": inputs}).encode())

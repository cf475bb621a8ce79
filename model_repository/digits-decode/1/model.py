"""Image files in, pixels out: upright, in proportion, cropped around the centre, grey."""

import numpy as np

from serving.core.requests import TensorSpec
from serving.protocols.images import layout_of, to_pixels


class Model:
    def load(self, context):
        (output,) = context.config["output"]
        self.shape = tuple(output["dims"])  # [1, 8, 8]
        self.layout = layout_of(TensorSpec("pixels", "FP32", self.shape), max_batch_size=0)

    def execute(self, request):
        # A file that is no picture raises InvalidInput, which is its caller's error and nobody else's.
        return {"pixels": np.stack([to_pixels(file, self.layout, self.shape) for file in request.inputs["file"][:, 0]])}

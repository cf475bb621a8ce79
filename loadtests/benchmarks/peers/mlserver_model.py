"""An ONNX model in MLServer. Rule: what its documentation advises for many small requests, and nothing else.

Run by MLServer in its own environment (`make bench-peers`), in a folder with a `model-settings.json` that names `Onnx`.
"""

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Onnx(MLModel):
    async def load(self) -> bool:
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        [answers] = self._session.run(None, {"x": np.ascontiguousarray(rows, np.float32)})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", answers)])

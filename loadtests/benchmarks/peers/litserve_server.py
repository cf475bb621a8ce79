"""An ONNX model in LitServe: python litserve_server.py MODEL.onnx PORT MAX_BATCH_SIZE BATCH_TIMEOUT

Rule: what its documentation advises for many small requests, and nothing else. Run in its own environment
(`make bench-peers`).
"""

import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Onnx(litserve.LitAPI):
    def __init__(self, file: str, **options: Any) -> None:
        super().__init__(**options)
        self._file = file

    def setup(self, device: str) -> None:
        self._session = onnxruntime.InferenceSession(self._file, providers=["CPUExecutionProvider"])

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.array(request["x"], np.float32)

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.stack(inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        [answers] = self._session.run(None, {"x": x})
        return answers

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, list[float]]:
        return {"y": output.tolist()}


if __name__ == "__main__":
    file, port, max_batch_size, batch_timeout = sys.argv[1:]
    api = Onnx(file, max_batch_size=int(max_batch_size), batch_timeout=float(batch_timeout))
    server = litserve.LitServer(api, accelerator="cpu", fast_queue=True)
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")

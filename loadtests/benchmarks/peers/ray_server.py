"""An ONNX model in Ray Serve: python ray_server.py MODEL.onnx PORT MAX_BATCH_SIZE BATCH_TIMEOUT

Rule: what its documentation advises for many small requests, and nothing else. Run in its own environment
(`make bench-peers`).
"""

import signal
import sys

import numpy as np
import onnxruntime
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

FILE, PORT, MAX_BATCH_SIZE, BATCH_TIMEOUT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])


@serve.deployment(max_ongoing_requests=4 * MAX_BATCH_SIZE)
class Onnx:
    def __init__(self, file: str) -> None:
        self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])

    @serve.batch(max_batch_size=MAX_BATCH_SIZE, batch_wait_timeout_s=BATCH_TIMEOUT)
    async def run(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        [answers] = self._session.run(None, {"x": np.stack(rows)})
        return list(answers)

    async def __call__(self, request: Request) -> JSONResponse:
        row = np.array((await request.json())["x"], np.float32)
        return JSONResponse({"y": (await self.run(row)).tolist()})


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config={"enable_access_log": False})
    serve.run(Onnx.bind(FILE))
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    ray.shutdown()

"""The model server: a FastAPI gateway over batching schedulers and model backends."""

import os

__version__ = "0.1.0"

# ONNX Runtime uploads usage data unless this is set before anybody imports it; an operator may set it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

"""The model server: a FastAPI gateway over batching schedulers and model backends."""

__version__ = "0.1.0"

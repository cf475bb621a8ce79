"""What a person may set when starting a server. Rule: values only; the command line gives them and checks them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """A port of 0 lets the system choose a free one; sizes are in bytes, times in seconds."""

    model_repository: Path
    host: str = "127.0.0.1"
    http_port: int = 8000
    metrics_port: int = 8002
    max_body_size: int = 64 * 1024 * 1024
    shutdown_timeout: int = 30

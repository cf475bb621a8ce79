"""What a server asks of every version that it loads. Rule: values only."""

from dataclasses import dataclass
from pathlib import Path

from serving.core.model_code import ModelCode


@dataclass(frozen=True, slots=True)
class LoadPolicy:
    """What is asked of a version before it serves, and whether the server has what it may ask for.

    Up to `auto_tune_secs` go into measuring how many instances and threads suit it; what comes of it is kept in
    `cache_folder`, by default the system's folder for such things, where the model's own can't be written.
    `model_code` says which models may be programs.
    """

    require_manifest: bool = False
    has_response_cache: bool = False
    shares_threads: bool = False
    auto_tune_secs: float = 0.0
    cache_folder: Path | None = None
    model_code: ModelCode = ModelCode.LOCAL


DEFAULT_POLICY = LoadPolicy()

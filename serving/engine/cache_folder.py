"""Where the system keeps what programs can make anew. Rule: nothing is made here, only named."""

import os
import sys
from pathlib import Path

from serving.errors import ModelLoadFailed


def usual_cache() -> Path:
    """Raises `ModelLoadFailed` for a user without a home folder."""
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "slipway"
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "slipway" / "cache"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"
    except RuntimeError:
        raise ModelLoadFailed("this user has no home folder to cache models in; choose a --model-cache") from None

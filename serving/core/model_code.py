"""Which models are programs, and from where a server runs them.

Rule: by what a model's config says it is; a model that is only data is never refused here.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from serving.errors import ModelLoadFailed

if TYPE_CHECKING:  # the command line has the choice as an option, and is to be quick
    from serving.core.model_config import ModelConfig


class ModelCode(StrEnum):
    """Where those that are programs may come from."""

    LOCAL = "local"
    ALWAYS = "always"
    NEVER = "never"


_KINDS = {"python": "Python code", "pytorch": "a TorchScript program"}


def refuse_code(config: "ModelConfig", elsewhere: str, allowed: ModelCode) -> None:
    """Where a model is one that may not be run; what its config leaves open is no reason. `elsewhere` is where its
    files are from, "" for a folder of this machine. Raises `ModelLoadFailed`."""
    from serving.core.model_config import DEFAULT_FILENAMES, PLATFORMS

    backend = config.backend or next((each for each in _KINDS if PLATFORMS[each] == config.platform), "")
    if backend not in _KINDS or allowed is ModelCode.ALWAYS or (allowed is ModelCode.LOCAL and not elsewhere):
        return
    file = config.default_model_filename or DEFAULT_FILENAMES[backend]
    what = f"'{file[:100]}' is {_KINDS[backend]}"
    if allowed is ModelCode.NEVER:
        raise ModelLoadFailed(f"{what}, which this server never runs: --model-code never")
    raise ModelLoadFailed(
        f"{what} and comes from {elsewhere}; with --model-code {allowed} a server runs such models from its own "
        "folders only; --model-code always lets it run whatever is put there"
    )

"""From a version's folder to a model that writes.

Rule: what is wrong with its files is said to the model's owner before the first request.
"""

import asyncio
import time
from importlib import import_module
from pathlib import Path
from typing import cast

from serving.backends.decoder import RUNNERS, DecoderBackend
from serving.core.generation_config import generation_config
from serving.core.instance_groups import devices
from serving.core.model_config import ModelConfig
from serving.engine.generating_model import GeneratingModel
from serving.engine.token_inputs import read_tokenizer
from serving.errors import ModelLoadFailed


def load_generating(
    version: str, config: ModelConfig, directory: Path, loop: asyncio.AbstractEventLoop
) -> GeneratingModel:
    """`config` is complete. Raises `ModelLoadFailed`."""
    started = time.monotonic()
    settings = generation_config(config)
    tokenizer = read_tokenizer(directory)
    (device,) = devices(config)
    load = _backend(settings.task, config.backend)
    decoder = load(directory, config, device, settings.max_num_seqs, settings.max_model_len)
    if decoder.vocab_size < tokenizer.vocab_size:
        decoder.close()
        raise ModelLoadFailed(
            f"tokenizer.json has {tokenizer.vocab_size} tokens, the model {decoder.vocab_size}: they are those of "
            "different models"
        )
    return GeneratingModel(version, config, decoder, tokenizer, loop, time.monotonic() - started)


def _backend(task: str, name: str) -> DecoderBackend:
    runners = RUNNERS[task]
    if name not in runners:
        raise ModelLoadFailed(f"backend '{name}' can't do {task}, those that can are {', '.join(runners)}")
    module, _, function = runners[name].partition(":")
    try:
        return cast(DecoderBackend, getattr(import_module(module), function))
    except ModuleNotFoundError as error:
        raise ModelLoadFailed(f"backend '{name}' needs the package '{error.name}', which is not installed") from None

"""Files that come from people: configs, pictures, recordings, packed bodies, what lies beside a model.

Rule: what is refused is told as such; what is taken is within its limits.
"""

import gzip
import json
import zlib
from contextlib import suppress

import numpy as np

from serving.audio.sound import samples_of
from serving.core import (
    columns,
    ensemble,
    generation_config,
    golden,
    manifest,
    model_config,
    onnx_options,
    response_cache_config,
    rollout_policy,
    sequence_config,
    speech_config,
    torch_options,
    tuning_config,
)
from serving.core.batching_config import batching_config
from serving.core.model_config import ModelConfig
from serving.core.proto_json import to_json
from serving.core.ragged_config import ragged_config
from serving.errors import InvalidInput, ModelLoadFailed
from serving.protocols import compression, images
from serving.protocols.images import ImageLayout

_LAYOUTS = (
    ImageLayout(3, 8, 8, False, "FP32"),
    ImageLayout(1, 16, 4, False, "UINT8"),
    ImageLayout(3, 5, 9, True, "FP16"),
)
_MOST = 1 << 16  # bytes that a body may become
_SECONDS = 2.0  # that a recording may have
_ENCODINGS = ("gzip", "deflate", "GZIP ", "identity", "br")


def config_pbtxt(data: bytes) -> None:
    with suppress(ModelLoadFailed):
        config = model_config.parse(data.decode(errors="replace"), "m", renames=True)
        assert model_config.parse_json(json.dumps(to_json(config)), "m") == config
        _complete(config)


def config_json(data: bytes) -> None:
    """As a load request brings it."""
    with suppress(ModelLoadFailed):
        _complete(model_config.parse_json(data.decode(errors="replace"), "m"))


def _complete(config: ModelConfig) -> None:
    model_config.unhonoured(config)
    if generation_config.is_generating(config):
        config = generation_config.complete(config)
    completed = model_config.complete(config)
    assert model_config.complete(completed) == completed
    model_config.unhonoured(completed)
    assert set(model_config.select_versions(completed, [1, 2, 9])) <= {1, 2, 9}
    assert batching_config(completed).max_batch_size >= 1
    for read in (
        *(ragged_config, sequence_config.sequence_config, generation_config.generation_config, tuning_config.why_not),
        *(speech_config.speech_config, rollout_policy.rollout_policy, response_cache_config.check),
        *(onnx_options.onnx_options, torch_options.torch_options),
    ):
        with suppress(ModelLoadFailed):
            read(completed)
    if ensemble.is_ensemble(completed):
        ensemble.graph(completed)


def picture(data: bytes) -> None:
    """A byte for what the model takes, and the file."""
    if not data:
        return
    layout = _LAYOUTS[data[0] % len(_LAYOUTS)]
    shape = (
        (layout.height, layout.width, layout.channels)
        if layout.channels_last
        else (layout.channels, layout.height, layout.width)
    )
    with suppress(InvalidInput):
        for pixels in (images.to_pixels(data[1:], layout, shape), images.letterboxed(data[1:], layout, shape)[0]):
            assert pixels.shape == shape
            assert 0 <= pixels.min() <= pixels.max() <= 255


def recording(data: bytes) -> None:
    with suppress(InvalidInput):
        samples = samples_of(data, 16_000, _SECONDS)
        assert 1 <= len(samples) <= 16_000 * (_SECONDS + 0.5)
        assert np.abs(samples).max() <= 1


def packed(data: bytes) -> None:
    """A byte for the coding, and the body."""
    if not data:
        return
    encoding, body = _ENCODINGS[data[0] % len(_ENCODINGS)], data[1:]
    try:
        found = compression.decompress(body, encoding, _MOST)
    except InvalidInput:
        return
    if encoding == "identity":
        assert found == body
        return
    assert len(found) <= _MOST
    if "gzip" in encoding.lower() and body:
        assert gzip.decompress(body) == found
    elif encoding == "deflate":
        assert found in (_inflated(body, zlib.MAX_WBITS), _inflated(body, -zlib.MAX_WBITS))
    coding = encoding.strip().lower()
    assert compression.decompress(compression.compress(found, coding), coding, _MOST) == found


def _inflated(body: bytes, window_bits: int) -> bytes | None:
    with suppress(zlib.error):
        return zlib.decompress(body, window_bits)
    return None


def beside_models(data: bytes) -> None:
    """What a version's folder holds besides the model."""
    for decode in (golden.decode, manifest.decode, columns.decode):
        with suppress(ModelLoadFailed):
            decode(data)

"""The block `response_cache` of a model's config: which models' answers may be kept and given again.

Rule: a model whose answers depend on more than one request, or that has more than one, is refused in Triton's words.
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.errors import ModelLoadFailed


def check(config: ModelConfig) -> None:
    """Raises `ModelLoadFailed`."""
    if not config.response_cache.enable:
        return
    if config.HasField("ensemble_scheduling"):
        raise _not_supported(config, "ensemble scheduling; its models can have one")
    if config.HasField("sequence_batching"):
        raise _not_supported(config, "sequence batching scheduler")
    if config.model_transaction_policy.decoupled:
        raise _not_supported(config, "'decoupled' transaction policy")


def caches_responses(config: ModelConfig) -> bool:
    """Answers that must come in the order of their requests are not kept: a kept one would overtake."""
    return bool(config.response_cache.enable and not config.dynamic_batching.preserve_ordering)


def without_effect(config: ModelConfig, has_cache: bool) -> list[str]:
    """Why a config that enables it has no cache, in words for the log."""
    if not config.response_cache.enable:
        return []
    what = "config.pbtxt sets 'response_cache.enable', which has no effect"
    if not caches_responses(config):
        return [f"{what} with 'dynamic_batching.preserve_ordering': a cached response would overtake earlier ones"]
    if not has_cache:
        return [
            f"{what} unless the server is started with --response-cache-byte-size or --cache-config local,size=BYTES"
        ]
    return []


def _not_supported(config: ModelConfig, what: str) -> ModelLoadFailed:
    return ModelLoadFailed(
        f"Response Cache does not currently support model {config.name} with {what}. Please disable the response cache."
    )

import pytest

from serving.core import response_cache_config
from serving.core.model_config import parse
from serving.errors import ModelLoadFailed

ENABLED = "response_cache { enable: true }"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sequence_batching { }", "sequence batching scheduler"),
        ("model_transaction_policy { decoupled: true }", "'decoupled' transaction policy"),
    ],
)
def test_models_whose_answers_can_not_be_kept_are_refused_in_tritons_words(text: str, words: str) -> None:
    with pytest.raises(ModelLoadFailed) as refused:
        response_cache_config.check(parse(f"{text} {ENABLED}", "m"))
    assert str(refused.value) == (
        f"Response Cache does not currently support model m with {words}. Please disable the response cache."
    )
    response_cache_config.check(parse(f"{text} response_cache {{ enable: false }}", "m"))
    response_cache_config.check(parse(text, "m"))


@pytest.mark.parametrize(
    ("text", "has_cache", "caches", "reason"),
    [
        (ENABLED, True, True, ""),
        (ENABLED, False, True, "unless the server is started with --response-cache-byte-size or --cache-config"),
        (f"{ENABLED} dynamic_batching {{ preserve_ordering: true }}", True, False, "would overtake earlier ones"),
        ("dynamic_batching { preserve_ordering: true }", True, False, ""),
        ("", False, False, ""),
    ],
)
def test_a_model_that_is_not_cached_although_it_would_be_has_the_reason_told(
    text: str, has_cache: bool, caches: bool, reason: str
) -> None:
    config = parse(text, "m")
    assert response_cache_config.caches_responses(config) is caches
    told = response_cache_config.without_effect(config, has_cache)
    assert len(told) == bool(reason)
    assert all(reason in warning and "'response_cache.enable', which has no effect" in warning for warning in told)


@pytest.mark.parametrize("text", ["", "dynamic_batching { }", "model_transaction_policy { decoupled: false }"])
def test_others_may_be_cached(text: str) -> None:
    response_cache_config.check(parse(f"{text} {ENABLED}", "m"))

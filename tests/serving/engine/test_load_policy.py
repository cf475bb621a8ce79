from serving.core.model_code import ModelCode
from serving.engine.load_policy import DEFAULT_POLICY, LoadPolicy


def test_unless_it_is_asked_for_any_version_will_do() -> None:
    assert LoadPolicy() == DEFAULT_POLICY == LoadPolicy(False, False, False, auto_tune_secs=0, cache_folder=None)
    assert DEFAULT_POLICY.model_code is ModelCode.LOCAL

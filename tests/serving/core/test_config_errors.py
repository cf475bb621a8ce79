import pytest

from serving.core.config_errors import explain
from serving.core.model_config import parse, parse_json
from serving.errors import ModelLoadFailed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("max_batchsize: 3", r'line:column 1:1 .* no field named "max_batchsize"; did you mean max_batch_size\?$'),
        ("maxBatchSize: 3", r"did you mean max_batch_size\?"),
        ("input { dim: 3 }", r"did you mean dims\?"),
        ("dynamic_batching { max_queue_delay_us: 3 }", r"did you mean max_queue_delay_microseconds\?"),
        ("input { data_type: FP32 }", r"no value named FP32; did you mean TYPE_FP32\?"),
        ("input { data_type: int64 }", r"did you mean TYPE_INT64\?"),
        ("input { data_type: BYTES }", r"did you mean TYPE_STRING\?"),
        ("instance_group { kind: GPU }", r"did you mean KIND_GPU\?"),
        ("dynamic_batching { default_queue_policy { timeout_action: delay } }", r"did you mean DELAY\?"),
        ("input { reshape { zzz: 1 } }", "known are shape$"),
        ("max_batch_size: many", "Couldn't parse integer"),
    ],
)
def test_a_name_that_there_is_not_gets_a_suggestion(text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        parse(text, "m")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"max_batchsize": 3}', r'no field named "max_batchsize" at "ModelConfig"; did you mean max_batch_size\?$'),
        ('{"dynamicBatchin": {}}', r"did you mean dynamic_batching\?$"),
        ('{"input": [{"data_type": "FP32"}]}', r"ModelConfig.input\[0\].data_type; did you mean TYPE_FP32\?$"),
        ('{"input": [{"zzzz": 3}]}', "known are name, data_type, format, dims, reshape,"),
        ('{"max_batch_size": "many"}', "Failed to parse max_batch_size field"),
    ],
)
def test_json_is_answered_with_the_configs_names(text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason) as failure:
        parse_json(text, "m")
    assert "maxBatchSize" not in str(failure.value)


def test_words_that_only_look_like_protobufs_are_left_alone() -> None:
    words = 'Message type "no.such.type" has no field named "x"'
    assert explain(words) == words

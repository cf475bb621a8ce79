from serving.core import model_config, proto_json


def test_the_document_is_as_triton_prints_it() -> None:
    config = model_config.complete(
        model_config.parse(
            """backend: "onnxruntime" max_batch_size: 4
            input { name: "x" data_type: TYPE_FP32 dims: [ -1, 3 ] } output { name: "y" data_type: TYPE_FP32 dims: 1 }
            version_policy { specific { versions: [ 1, 3 ] } }
            dynamic_batching { max_queue_delay_microseconds: 7
              priority_queue_policy { key: 2 value { default_timeout_microseconds: 5 } } }
            parameters { key: "colour" value { string_value: "red" } }""",
            "m",
        )
    )
    document = proto_json.to_json(config)
    assert document["max_batch_size"] == 4
    assert document["input"][0]["dims"] == [-1, 3], "int64 as numbers, which protobuf's JSON has as strings"
    assert document["input"][0]["data_type"] == "TYPE_FP32"
    assert document["version_policy"] == {"specific": {"versions": [1, 3]}}
    assert document["dynamic_batching"]["max_queue_delay_microseconds"] == 7
    assert document["dynamic_batching"]["priority_queue_policy"]["2"]["default_timeout_microseconds"] == 5
    assert document["parameters"] == {"colour": {"string_value": "red"}}
    assert document["model_warmup"] == [], "what is not set is printed too"

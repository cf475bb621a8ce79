import pytest

from serving.commands.backend_config import InvalidBackendConfig, enables_global_threadpool


@pytest.mark.parametrize(
    ("given", "enabled"),
    [
        ([], False),
        (["onnxruntime,enable-global-threadpool=1"], True),
        (["onnxruntime,enable_global_threadpool=true"], True),
        (["onnxruntime,enable-global-threadpool=1", "onnxruntime,enable-global-threadpool=0"], False),
    ],
)
def test_the_one_setting_that_is_there(given: list[str], enabled: bool) -> None:
    assert enables_global_threadpool(given) is enabled


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("onnxruntime", "option format is '<backend name>,<setting>=<value>'"),
        ("onnxruntime,enable-global-threadpool", "option format is"),
        ("onnxruntime,enable-global-threadpool=2", "is 0 or 1. Got '2'"),
        ("onnxruntime,default-max-batch-size=8", "'default-max-batch-size' of 'onnxruntime' is not there"),
        ("tensorflow,version=2", "'version' of 'tensorflow' is not there"),
    ],
)
def test_what_is_not_there_is_named(given: str, words: str) -> None:
    with pytest.raises(InvalidBackendConfig, match=words):
        enables_global_threadpool([given])

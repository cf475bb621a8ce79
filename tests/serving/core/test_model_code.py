import pytest

from serving.core.model_code import ModelCode, refuse_code
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

BUCKET = "s3://bucket/models"
PYTHON, TORCHSCRIPT = ModelConfig(backend="python"), ModelConfig(platform="pytorch_libtorch")


@pytest.mark.parametrize(
    "config", [ModelConfig(), ModelConfig(backend="onnxruntime"), ModelConfig(platform="ensemble")]
)
@pytest.mark.parametrize("allowed", ModelCode)
def test_what_is_no_program_comes_from_anywhere(config: ModelConfig, allowed: ModelCode) -> None:
    refuse_code(config, BUCKET, allowed)


@pytest.mark.parametrize("config", [PYTHON, TORCHSCRIPT])
@pytest.mark.parametrize(
    ("allowed", "elsewhere"),
    [(ModelCode.LOCAL, ""), (ModelCode.ALWAYS, ""), (ModelCode.ALWAYS, BUCKET)],
)
def test_programs_come_from_where_they_may(config: ModelConfig, allowed: ModelCode, elsewhere: str) -> None:
    refuse_code(config, elsewhere, allowed)


@pytest.mark.parametrize(
    ("config", "elsewhere", "allowed", "words"),
    [
        (
            PYTHON,
            BUCKET,
            ModelCode.LOCAL,
            f"'model.py' is Python code and comes from {BUCKET}; with --model-code local ",
        ),
        (
            TORCHSCRIPT,
            "a load request",
            ModelCode.LOCAL,
            "'model.pt' is a TorchScript program and comes from a load re",
        ),
        (PYTHON, "", ModelCode.NEVER, "'model.py' is Python code, which this server never runs: --model-code never"),
        (
            ModelConfig(backend="pytorch", default_model_filename="net.pt"),
            BUCKET,
            ModelCode.NEVER,
            "'net.pt' is a TorchScript program, which this server never runs",
        ),
    ],
)
def test_others_are_refused_by_their_file_and_the_option(
    config: ModelConfig, elsewhere: str, allowed: ModelCode, words: str
) -> None:
    with pytest.raises(ModelLoadFailed) as refused:
        refuse_code(config, elsewhere, allowed)
    assert str(refused.value).startswith(words)

"""Triton's spellings, and what comes of them."""

import pytest

from tests.slipway_config import configuration, refusal

SWITCHES = {"strict": "strict_readiness", "exit": "exit_on_error", "memory": "allow_shared_memory", "page": "web_page"}


def on(*arguments: str, **environment: str) -> list[str]:
    """The switches that are."""
    told = configuration(*arguments, **environment)
    return [switch for switch, name in SWITCHES.items() if told[name]["value"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), []),
        (("--strict-readiness", "--exit-on-error"), ["strict", "exit"]),
        (("--strict-readiness=true", "--exit-on-error=false"), ["strict"]),
        (("--strict-readiness=1", "--exit-on-error=ON", "--allow-client-shm=off"), ["strict", "exit"]),
        (("--strict-readiness", "false", "--exit-on-error", "TRUE"), ["exit"]),
        (("--exit-on-error", "--exit-on-error=0"), []),
        (("--allow-client-shm",), ["memory"]),
    ],
)
def test_a_switch_may_have_a_value_as_in_triton(arguments: tuple[str, ...], expected: list[str]) -> None:
    assert on("--no-web-page", *arguments) == expected


def test_a_switch_that_is_on_can_be_put_off_and_the_last_word_counts() -> None:
    assert on() == ["page"]
    for off in ("--no-web-page", "--web-page=false"):
        assert (on(off), on("--web-page", off), on(off, "--web-page")) == ([], [], ["page"])


def test_what_follows_a_switch_and_is_no_value_is_an_argument() -> None:
    told = configuration("--exit-on-error", "/models", "--strict-readiness")
    assert told["model_repository"]["value"] == ["/models"]
    assert told["strict_readiness"]["value"]


def test_the_command_line_comes_before_the_environment() -> None:
    assert on(SLIPWAY_EXIT_ON_ERROR="true") == ["exit", "page"]
    assert on("--exit-on-error=false", SLIPWAY_EXIT_ON_ERROR="true") == ["page"]


def test_what_has_another_name_here_is_taken_under_either() -> None:
    told = configuration(
        "--exit-timeout-secs=7", "--http-max-input-size", "9", "--model-store=/m", "--metrics-address=::1"
    )
    values = [told[name]["value"] for name in ("shutdown_timeout", "max_body_size", "model_repository", "metrics_host")]
    assert values == [7, 9, ["/m"], "::1"]


def test_a_switch_with_another_value_is_refused_by_name() -> None:
    assert "--strict-readiness must be true or false, got 'maybe'" in refusal("--strict-readiness=maybe")


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("--http-address=0.0.0.0", "--http-address: HTTP and gRPC have one address here, --host"),
        ("--allow-metrics=true", "--allow-metrics: HTTP, gRPC and metrics are always on here; leave it out"),
        ("--strict-model-config=false", "completed from the model's file"),
        ("--log-format=ISO8601", "POST /v2/logging"),
        ("--trace-rate=10", "--trace-config rate=N"),
        ("--trace-config=zipkin,url=x", "--trace-config can't be 'zipkin,url=x'"),
        ("--grpc-use-ssl=true", "--ssl-certfile FILE and --ssl-keyfile FILE encrypt gRPC and HTTP both"),
        ("--grpc-use-ssl-mutual=true", "--ssl-ca-certs FILE"),
        ("--grpc-server-cert=c.pem", "--ssl-certfile FILE"),
        ("--grpc-root-cert=c.pem", "--ssl-ca-certs FILE"),
        ("--allow-sagemaker=true", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--sagemaker-port=8080", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--vertex-ai-default-model=m", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--enable-peer-access=false", "there is no such setting here; leave it out"),
        ("--pinned-memory-pool-byte-size=268435456", "there is no such setting here; leave it out"),
    ],
)
def test_an_option_that_only_triton_has_is_answered_with_what_to_do(option: str, advice: str) -> None:
    assert advice in refusal(option)


@pytest.mark.parametrize("option", ["--http-prot=1", "--no-such-thing"])
def test_an_option_that_nobody_has_is_answered_as_before(option: str) -> None:
    assert "No such option" in refusal(option)

"""Triton's spellings through a command of a few options, without a server behind it."""

import pytest
import typer
from typer.testing import CliRunner

from serving.cli import app as slipway
from serving.commands import serve_options as options
from serving.commands.tritonserver import TritonserverOptions

app = typer.Typer()


@app.command(cls=TritonserverOptions)
def show(
    places: options.Repositories = None,
    strict_readiness: options.StrictReadiness = False,
    exit_on_error: options.ExitOnError = False,
    allow_shared_memory: options.AllowSharedMemory = False,
    http_port: options.HttpPort = 8000,
    shutdown_timeout: options.ShutdownTimeout = 30,
    max_body_size: options.MaxBodySize = 1,
) -> None:
    switches = {"strict": strict_readiness, "exit": exit_on_error, "memory": allow_shared_memory}
    typer.echo(f"{places} {[name for name, on in switches.items() if on]} {shutdown_timeout} {max_body_size}")


def shown(*arguments: str, **environment: str) -> str:
    result = CliRunner().invoke(app, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(slipway, ["serve", *arguments], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    return result.output


@pytest.mark.parametrize(
    ("arguments", "on"),
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
def test_a_switch_may_have_a_value_as_in_triton(arguments: tuple[str, ...], on: list[str]) -> None:
    assert shown(*arguments) == f"None {on} 30 1"


def test_what_follows_a_switch_and_is_no_value_is_an_argument() -> None:
    assert shown("--exit-on-error", "/models", "--strict-readiness") == "['/models'] ['strict', 'exit'] 30 1"


def test_the_command_line_comes_before_the_environment() -> None:
    assert shown(SLIPWAY_EXIT_ON_ERROR="true") == "None ['exit'] 30 1"
    assert shown("--exit-on-error=false", SLIPWAY_EXIT_ON_ERROR="true") == "None [] 30 1"


def test_what_has_another_name_here_is_taken_under_either() -> None:
    assert shown("--exit-timeout-secs=7", "--http-max-input-size", "9") == "None [] 7 9"


def test_a_switch_with_another_value_is_refused_by_name() -> None:
    assert "--strict-readiness must be true or false, got 'maybe'" in refused("--strict-readiness=maybe")


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("--http-address=0.0.0.0", "--http-address: HTTP, gRPC and metrics have one address here, --host"),
        ("--allow-metrics=true", "--allow-metrics: HTTP, gRPC and metrics are always on here; leave it out"),
        ("--strict-model-config=false", "completed from the model's file"),
        ("--log-format=ISO8601", "POST /v2/logging"),
        ("--trace-rate=10", "--trace-config rate=N"),
        ("--trace-config=zipkin,url=x", "--trace-config can't be 'zipkin,url=x'"),
        ("--grpc-use-ssl=true", "put a proxy in front"),
        ("--allow-sagemaker=true", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--sagemaker-port=8080", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--vertex-ai-default-model=m", "SageMaker's and Vertex AI's own paths are not served here"),
        ("--enable-peer-access=false", "there is no such setting here; leave it out"),
        ("--pinned-memory-pool-byte-size=268435456", "there is no such setting here; leave it out"),
    ],
)
def test_an_option_that_only_triton_has_is_answered_with_what_to_do(option: str, advice: str) -> None:
    assert advice in refused(option)


@pytest.mark.parametrize("option", ["--http-prot=1", "--no-such-thing"])
def test_an_option_that_nobody_has_is_answered_as_before(option: str) -> None:
    assert "No such option" in refused(option)

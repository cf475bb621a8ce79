"""The structure of the code base, as rules over its imports and files. See docs/structure.md."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("serving", "training", "loadtests")

# What each part may import of the others. A part may always import itself.
ALLOWED = {
    "serving.errors": set(),
    "serving.core": {"serving.errors"},
    "serving.access": {"serving.core", "serving.errors"},
    "serving.scheduling": {"serving.core", "serving.errors"},
    "serving.audio": {"serving.errors"},
    "serving.protocols": {"serving.audio", "serving.core", "serving.errors"},
    "serving.backends": {"serving.core", "serving.errors", "serving.memory_limit"},
    "serving.sampling": {"serving.core", "serving.errors"},
    "serving.text": {"serving.core", "serving.errors"},
    "serving.engine": {
        "serving.backends",
        "serving.core",
        "serving.errors",
        "serving.sampling",
        "serving.scheduling",
        "serving.text",
    },
    "serving.log": {"serving.core", "serving.errors"},
    "serving.machine": set(),
    "serving.memory_limit": set(),
    "serving.descriptors": set(),
    "serving.exposition": set(),
    "serving.generation_metrics": {"serving.engine", "serving.exposition"},
    "serving.life_metrics": {"serving.core", "serving.engine", "serving.exposition"},
    "serving.metrics": {
        "serving.core",
        "serving.engine",
        "serving.exposition",
        "serving.generation_metrics",
        "serving.life_metrics",
        "serving.machine",
    },
    "serving.loop_delay": {"serving.engine"},
    "serving.loop_watchdog": {"serving.loop_delay"},
    "serving.traffic_metrics": {
        "serving",
        "serving.engine",
        "serving.gateways",
        "serving.loop_delay",
        "serving.transports",
    },
    "serving.key_watch": {"serving.access"},
    "serving.settings": {"serving.access", "serving.core"},
    "serving.exit_codes": set(),
    "serving.options": {"serving"},
    "serving.stopping": {"serving.exit_codes"},
    "serving.recording": {"serving", "serving.errors", "serving.protocols"},
    "serving.listening": {"serving.settings", "serving.transports"},
    "serving.tracing": {"serving.core"},
    "serving.gateways": {
        "serving.access",
        "serving.backends",
        "serving.engine",
        "serving.errors",
        "serving.transports",
    },
    "serving.transports": {
        "serving",
        "serving.access",
        "serving.audio",
        "serving.core",
        "serving.engine",
        "serving.errors",
        "serving.log",
        "serving.metrics",
        "serving.protocols",
        "serving.recording",
    },
    # Of `serving.text`, whether the files of text that are published will be understood; of `serving.protocols`, what
    # becomes of a person's file, so that a model is trained on what it will be sent.
    "training": {
        "serving.audio",
        "serving.backends",
        "serving.core",
        "serving.errors",
        "serving.protocols",
        "serving.text",
    },
    # `steps` weighs the server's own parts, `reload` writes golden rows, `policies` simulates the scheduler, `gpu` runs
    # instances; the others know it by its address only.
    "loadtests": {
        "serving",
        "serving.backends",
        "serving.core",
        "serving.engine",
        "serving.errors",
        "serving.options",
        "serving.protocols",
        "serving.sampling",
        "serving.scheduling",
        "serving.server",
        "serving.settings",
        "serving.stopping",
        "serving.text",
        "training",
    },
}
UNPICKLERS = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
NAMES_THE_ERROR = {"training/huggingface/weights.py"}  # with which PyTorch refuses one
RUNS_MODELS = {"serving/backends/python_source.py", "serving/backends/torchscript.py"}  # see `--model-code`
RISKY = (*UNPICKLERS, ".load(", "eval(", "exec(")
# These compose the parts, and nothing imports them but one another.
COMPOSERS = {
    "serving.server",
    "serving.application",
    "serving.doctor",
    "serving.doors",
    "serving.observing",
    "serving.cli",
    "serving.commands",
    "serving.__main__",
}

DECISIONS = (
    "serving/access",
    "serving/core",
    "serving/scheduling",
    "serving/protocols",
    "serving/sampling",
    "serving/text",
    "serving/audio",
)
SHELL_MODULES = {"asyncio", "threading", "time", "random", "uuid", "socket", "fastapi", "starlette", "uvicorn", "grpc"}

# Modules of plain data or of words, which have no behaviour to test on their own.
WITHOUT_OWN_TEST = {
    "serving/access/scope.py": "words",
    "serving/access/certificates.py": "data",
    "serving/doctor/finding.py": "data",
    "serving/doctor/examination.py": "tests/serving/commands/test_doctor.py types it",
    "serving/engine/config_check.py": "test_models.py of commands and of doctor have it look at configs",
    "serving/doors.py": "tests/integration/test_doors.py and test_access.py run servers with what it composes",
    "serving/transports/audit.py": "the tests of both transports' test_door.py read its lines",
    "serving/transports/tls.py": "tests/integration/test_doors.py connects to it",
    "serving/transports/http/keyed_way.py": "tests/integration/test_access.py asks through it",
    "serving/errors.py": "tests/serving/transports/test_status.py walks the tree",
    "serving/commands/banner.py": "tests/integration/test_command_line.py runs the command",
    "serving/commands/predict.py": "tests/integration/test_command_line.py runs the command",
    "serving/commands/serve.py": "tests/integration/test_command_line.py runs the command",
    "serving/settings.py": "values only",
    "serving/exit_codes.py": "tests/integration/test_exit_codes.py sees them",
    "serving/stopping.py": "tests/integration/test_shutdown.py and test_exit_codes.py send its signals",
    "serving/commands/failures.py": "tests/integration/test_exit_codes.py runs into them",
    "serving/transports/http/exchange.py": "test_connection.py and test_fast_path.py use it on connections",
    "serving/listening.py": "tests/serving/test_server.py and tests/integration/test_gateways.py take its ports",
    "serving/recording/calls.py": "data",
    "serving/recording/outline.py": "test_recorder.py reads what a server recorded",
    "serving/recording/recording_metrics.py": "test_recorder.py scrapes them",
    "serving/recording/trace_line.py": "test_recorder.py reads what a server recorded",
    "serving/transports/grpc/recorded_calls.py": "tests/serving/recording/test_recorder.py asks through it",
    "serving/transports/http/recorded_app.py": "tests/serving/recording/test_recorder.py asks through it",
    "serving/transports/http/recorded_way.py": "tests/serving/recording/test_recorder.py asks through it",
    "serving/engine/pending.py": "data",
    "serving/engine/servable.py": "interfaces",
    "serving/transports/statistics.py": "test_statistics.py of either transport asks for them",
    "serving/engine/tracer.py": "tests/serving/engine/test_engine.py traces requests, test_tracing.py for collectors",
    "serving/core/timeline.py": "data, which test_ensemble.py sums up and test_engine.py writes",
    "serving/observing.py": "tests/integration/test_tracing.py runs servers with what it composes",
    "serving/tracing/spans.py": "tests/integration/test_tracing.py reads what a collector gets",
    "serving/tracing/span_metrics.py": "tests/integration/test_tracing.py scrapes them",
    "serving/tracing/trace_file_metrics.py": "tests/faults/test_disk.py scrapes them",
    "serving/transports/observer.py": "tests/integration/test_tracing.py sends what it reads and reads what it sends",
    "serving/transports/http/observed.py": "the same",
    "serving/transports/grpc/observed.py": "the same",
    "serving/protocols/http2/events.py": "data",
    "serving/transports/grpc/fast_call.py": "test_fast_calls.py, test_fast_callers.py and test_fast_call_ways.py ask",
    "serving/transports/grpc/rpc_limits.py": "data",
    "serving/core/generation.py": "data",
    "serving/core/states.py": "data",
    "serving/core/text_output.py": "data",
    "serving/core/steps.py": "data",
    "training/data/card.py": "data",
    "training/options.py": "test_cli.py and test_search_command.py type them",
    "training/report/section.py": "data",
    "serving/backends/decoder.py": "interfaces",
    "serving/gateways/frame_writer.py": "test_gateway_end.py writes with it",
    "serving/gateways/gateway.py": "tests/integration/test_gateways.py runs it",
    "serving/gateways/gateway_process.py": "tests/integration/test_gateways.py starts and kills them",
    "serving/gateways/gateways.py": "tests/integration/test_gateways.py starts and kills them",
    "serving/gateways/engine_end.py": "test_gateway_end.py has both ends",
    "serving/gateways/one_request.py": "test_gateway_end.py asks for what is not for the fast path",
    "serving/gateways/proxy.py": "tests/integration/test_gateways.py compares what comes through it",
    "serving/gateways/upstream.py": "tests/integration/test_gateways.py compares what comes through it",
    "serving/transports/http/uvicorn_server.py": "tests/serving/test_server.py runs and stops it",
    "serving/transports/http/page_tries.py": "tests/integration/web_page tries every kind",
    "serving/transports/http/recordings.py": "test_transcribe.py and test_openai_transcriptions.py ask through it",
    "serving/engine/life_counts.py": "data",
    "training/speech/sentence.py": "data",
    "serving/scheduling/scheduler.py": "interfaces",
    "serving/transports/http/schemas.py": "documentation, shown by test_app.py",
    "serving/transports/http/documented.py": "documentation, shown by test_app.py",
    "training/recipes/digits_diffusion.py": "tests/integration/test_digits_diffusion.py trains it",
    "training/recipes/shop_recommender.py": "tests/integration/test_shop_recommender.py trains it",
    "loadtests/result_view.py": "test_screen.py and report/test_report.py show it",
    "loadtests/report/plots.py": "report/test_report.py draws all of them",
    "loadtests/report/tables.py": "report/test_report.py reads them",
    "loadtests/call.py": "data, sent in tests/loadtests/clients/test_http.py",
    "loadtests/result.py": "data",
    "loadtests/clients/client.py": "interfaces",
    "loadtests/inputs/model.py": "data, read from real servers in tests/loadtests/test_targeting.py",
    "loadtests/inputs/wanted.py": "data",
    "loadtests/inputs/words.py": "a list of words",
    "loadtests/load_options.py": "words of the command's help",
    "loadtests/request_options.py": "the same",
    "loadtests/clients/clients.py": "tests/loadtests/test_run.py sends through them",
    "loadtests/scenarios/stage.py": "tests/loadtests/scenarios/test_play.py plays on it",
    "loadtests/sender_process.py": "tests/loadtests/test_senders.py starts, stops and kills them",
    **{
        f"loadtests/rolling/{name}.py": "tests/integration/test_rolling_updates.py plays it"
        for name in ("balancer", "clients", "models", "nginx", "replicas", "scene", "traffic")
    },
    "loadtests/benchmarks/stub_server.py": "most tests of tests/loadtests ask it",
    "loadtests/benchmarks/bare_server.py": "tests/loadtests/benchmarks/test_contestants.py asks it",
    "loadtests/benchmarks/peers/litserve_server.py": "runs in an environment of its own, is asked before it is timed",
    "loadtests/benchmarks/peers/mlserver_model.py": "the same",
    "loadtests/benchmarks/peers/ray_server.py": "the same",
    "loadtests/benchmarks/peers/openvino_generate.py": "the same",
    "loadtests/benchmarks/peers/genai_generate.py": "the same",
    "loadtests/benchmarks/peers/transformers_generate.py": "the same",
    "loadtests/benchmarks/peers/raw_asgi.py": "runs on servers that are no part of the project, for one comparison",
}


def modules() -> list[Path]:
    return [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@cache
def imports(module: Path) -> frozenset[str]:
    """Every module that a file imports, at its top or inside a function, by full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names.update(
                f"{node.module}.{alias.name}" for alias in node.names if is_module(f"{node.module}.{alias.name}")
            )
    return frozenset(names)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def part_of(name: str) -> str:
    """`serving.core.requests` -> `serving.core`; `training.loop` -> `training`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "serving" else parts[0]


def name_of(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("module", modules(), ids=str)
def test_imports_go_one_way(module: Path) -> None:
    part = part_of(name_of(module))
    if part in COMPOSERS or part == "serving":
        return
    ours = {part_of(name) for name in imports(module) if name.split(".")[0] in PACKAGES}
    assert ours - {part} <= ALLOWED[part], f"{part} may import {sorted(ALLOWED[part])}"


@pytest.mark.parametrize("module", [path for path in modules() if str(path).startswith(DECISIONS)], ids=str)
def test_decisions_know_no_clock_no_thread_and_no_framework(module: Path) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & SHELL_MODULES


def test_nothing_is_unpickled_and_no_code_of_a_file_runs_but_that_of_models() -> None:
    for module in map(str, modules()):
        text = (ROOT / module).read_text()
        if module.startswith("loadtests/benchmarks/") or not any(word in text for word in RISKY):
            continue
        assert not imports(Path(module)) & UNPICKLERS or module in NAMES_THE_ERROR, module
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            match ast.unparse(call.func):
                case "torch.load":
                    assert given["weights_only"] == "True", module
                case "np.load" | "numpy.load":
                    assert given["allow_pickle"] == "False", module
                case "torch.jit.load" | "torch.export.load" | "eval" | "exec":
                    assert module in RUNS_MODELS, f"{module}: {ast.unparse(call)}"


@pytest.mark.parametrize("module", modules(), ids=str)
def test_modules_open_with_what_they_are_and_stay_small(module: Path) -> None:
    text = (ROOT / module).read_text()
    assert ast.get_docstring(ast.parse(text)), "a module opens with one sentence on what it is"
    assert len(text.splitlines()) <= 300
    assert module.stem not in {"utils", "util", "common", "helpers", "misc", "base"}


@pytest.mark.parametrize("module", [path for path in modules() if not path.stem.startswith("__")], ids=str)
def test_tests_mirror_modules(module: Path) -> None:
    mirror = ROOT / "tests" / module.parent / f"test_{module.stem}.py"
    assert mirror.is_file() != (str(module) in WITHOUT_OWN_TEST), f"{mirror.relative_to(ROOT)} is where its tests are"


def test_the_list_of_exceptions_is_current() -> None:
    assert all((ROOT / path).is_file() for path in WITHOUT_OWN_TEST)


@pytest.mark.parametrize("module", ["serving.server", "serving.cli", "serving.commands.serve", "training.cli"])
def test_importing_it_needs_nothing_that_is_optional(module: str) -> None:
    optional = {"torch", "sklearn", "tokenizers", "llguidance", "transformers", "optuna", "tensorboard", "matplotlib"}
    optional |= {"soundfile", "soxr", "opentelemetry.sdk", "fsspec", "aiohttp"}
    code = f"import sys, {module}; print(*{optional}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr

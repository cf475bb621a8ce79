"""What `make image-test` builds once, and its last words: what was proved, and what was not.

Rule: nothing here is collected by `make test`; only SLIPWAY_IMAGE_TEST asks for it. SLIPWAY_IMAGE_TARGETS are the
targets, with commas between; unless given, cpu.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import python_models, tiny_models
from tests.deploy.image import images, programs
from tests.deploy.image.containers import Container, mounted, started

ASKED = bool(os.environ.get("SLIPWAY_IMAGE_TEST"))
TARGETS = (os.environ.get("SLIPWAY_IMAGE_TARGETS") or "cpu").split(",")

collect_ignore_glob = [] if ASKED else ["test_*.py"]


@pytest.fixture(scope="session")
def can_build() -> None:
    if why := programs.missing():
        pytest.skip(why)


@pytest.fixture(scope="session", params=[target for target in TARGETS if target != "training"])
def image(request: pytest.FixtureRequest, can_build: None) -> str:
    """One that serves."""
    return images.build(request.param)


@pytest.fixture(scope="session")
def training_image(can_build: None) -> str:
    if "training" not in TARGETS:
        pytest.skip("SLIPWAY_IMAGE_TARGETS=cpu,training builds it: 6 GB, with PyTorch and its CUDA")
    return images.build("training")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_double(root)
    python_models.add_model(
        root,
        "slow",
        """max_batch_size: 1 input { name: "x" data_type: TYPE_FP32 dims: 1 }
        output { name: "x" data_type: TYPE_FP32 dims: 1 }""",
        """
        import time

        class Model:
            def execute(self, request):
                time.sleep(3)
                return dict(request.inputs)
        """,
    )
    for folder in (root, *root.parents[:2]):  # pytest's folders are for their owner only
        folder.chmod(0o755)
    return root


@pytest.fixture(scope="session")
def server(image: str, models: Path) -> Iterator[Container]:
    with started(image, options=mounted(models)) as container:
        assert container.ask("ready") is True, container.log()
        yield container


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ASKED:
        return
    terminalreporter.section("proved")
    for report in terminalreporter.stats.get("passed", []):
        terminalreporter.write_line(report.nodeid.partition("::")[2].removeprefix("test_").replace("_", " "))
    terminalreporter.section("not proved")
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {report.longrepr[2]}")
    for report in (*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])):
        terminalreporter.write_line(f"{report.nodeid}: FAILED")

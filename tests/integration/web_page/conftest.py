"""One server over models of every kind and one browser, for all that looks at the web page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from serving.access.keys import Key, digest_of
from serving.settings import Access
from tests import chromium, python_models, tiny_decoders, tiny_encoders, tiny_models
from tests.chromium import Heard
from tests.integration.web_page.acting import SCRIPT
from tests.recordings import recording
from tests.running_server import RunningServer, running


@pytest.fixture(scope="package")
def root(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    shutil.copytree(repository / "digits-cnn", root / "digits-cnn")
    for add in (
        *(tiny_models.add_rows, tiny_models.add_chart, tiny_models.add_spot, tiny_models.add_sum),
        *(tiny_models.add_listener, tiny_models.add_drawing),
        *(tiny_encoders.add_tiny_text_classifier, tiny_encoders.add_tiny_encoder),
        *(tiny_decoders.add_tiny_decoder, python_models.add_endless_tokens),
    ):
        add(root)
    tiny_models.add_double(root, "table")
    config = (root / "table" / "config.pbtxt").read_text().replace("dims: 4 }\n", 'dims: 4 label_filename: "l.txt" }\n')
    (root / "table" / "config.pbtxt").write_text(config)
    (root / "table" / "l.txt").write_text(f"{SCRIPT}\nnorth\nsouth\nwest\n")
    version = root / "table" / "1"
    (version / "model_card.md").write_text(
        f"# Card of it\n\nText \\*as it is\\*, {SCRIPT}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
    (version / "report.html").write_text(f"<!doctype html><title>r</title><p>how good it is</p>{SCRIPT}")
    (root / "listener" / "1" / "example.wav").write_bytes(recording("ab|c"))
    (root / "rows" / "1" / "example.json").write_text('{"inputs": {"age": 3, "colour": "blue"}}')
    tiny_models.write_config(root, "broken", 'backend: "onnxruntime"')
    return root


@pytest.fixture(scope="package")
def server(root: Path) -> Iterator[RunningServer]:
    awake = tuple(sorted(folder.name for folder in root.iterdir()))
    tiny_models.add_double(root, "asleep")
    with running(root, model_control_mode="explicit", load_model=awake) as server:
        yield server


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that wants the key person-key."""
    root = tmp_path_factory.mktemp("guarded")
    tiny_models.add_sum(root)
    with running(root, access=Access((Key("person", digest_of("person-key")),))) as server:
        yield server


@pytest.fixture(scope="package")
def browser(server: RunningServer, guarded: RunningServer) -> Iterator[Browser]:
    """Gone before the servers, whose loop can't end on a thread on which playwright's runs."""
    with chromium.browser() as browser:
        yield browser


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="package")
def context(browser: Browser, server: RunningServer) -> BrowserContext:
    return browser.new_context(base_url=server.url, permissions=["clipboard-read", "clipboard-write", "microphone"])


@pytest.fixture
def page(context: BrowserContext, server: RunningServer, heard: Heard) -> Iterator[Page]:
    """Nothing may complain, come from elsewhere or run what a model brought."""
    page = context.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    heard.listen(page)
    page.goto("/")
    yield page
    assert heard.complaints == []
    assert {url for url in heard.asked if not url.startswith((server.url, "blob:", "data:"))} == set()
    assert page.evaluate("window.ran") is None
    page.close()

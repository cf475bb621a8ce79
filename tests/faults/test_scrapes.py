"""Metrics asked for without a pause while versions come, take over and go."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import scaled_models
from tests.callers import callers_of
from tests.faults.trials import Trials
from tests.running_server import RunningServer, running
from tests.scaled_models import NAME, current

RELOADS = 20

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[RunningServer]:
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        yield server


def counters(text: str) -> Samples:
    """Every counter's samples, and histograms' buckets. Raises `ValueError` where it is no exposition."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.type in ("counter", "histogram") and not sample.name.endswith("_created")
    }


def test_each_scrape_is_whole_and_no_counter_goes_back(
    reloading: RunningServer, tmp_path: Path, trials: Trials
) -> None:
    over = Event()

    def scrape() -> list[str]:
        with httpx.Client() as client:
            found = []
            while not over.is_set():
                found.append(client.get(f"http://127.0.0.1:{reloading.metrics_port}/metrics").text)
            return found

    with callers_of(reloading, 2) as told, ThreadPoolExecutor() as pool:
        scraping = pool.submit(scrape)
        for version in range(2, 2 + RELOADS):
            scaled_models.publish(tmp_path, version)
            shutil.rmtree(tmp_path / NAME / str(version - 1))
            assert httpx.post(f"{reloading.url}/v2/repository/models/{NAME}/load").status_code == 200
            assert current(reloading) == str(version)
        over.set()
        texts = scraping.result()
    assert told.failures == []
    assert len(texts) > RELOADS
    before: Samples = {}
    for text in texts:
        assert text.endswith("\n")
        now = counters(text)
        assert not [name for name, value in now.items() if value < before.get(name, 0)]
        before = now
    trials.note("scrapes during reloads", len(texts), "nothing")

import json
from pathlib import Path

import pytest

from loadtests.autoscaling.traffic import WrongTraffic, arriving

FIRST = {"slipway_trace": 1, "server_version": "1", "started": "2026-01-01T00:00:00+00:00", "rate": 1, "bodies": False}


def recording(path: Path, *times: float) -> Path:
    requests = [{"at": at, "protocol": "http", "size": 1, "method": "POST", "path": "/v2"} for at in times]
    path.write_text("".join(json.dumps(line) + "\n" for line in (FIRST, *requests)))
    return path


def test_a_ramp_is_made_and_a_recording_is_taken_as_it_came(tmp_path: Path) -> None:
    ramp = arriving("10..30", "constant", 60, None)
    assert len(ramp) == pytest.approx(20 * 60, abs=2)
    assert sum(at < 30 for at in ramp) == pytest.approx(15 * 30, abs=2)
    assert arriving(None, "poisson", 60, recording(tmp_path / "trace.jsonl", 3.0, 4.0, 203.0), speed=2) == [0, 0.5, 100]


def test_wrong_traffic_is_told(tmp_path: Path) -> None:
    empty, missing = recording(tmp_path / "empty.jsonl"), tmp_path / "none"
    short = recording(tmp_path / "short.jsonl", 1.0, 31.0)
    for words, wrong in {
        "either --rate": (None, "poisson", 60, None),
        "--rate is requests a second": ("fast", "poisson", 60, None),
        "--arrivals is one of": ("10", "sometimes", 60, None),
        "at most 5,000,000": ("900000", "poisson", 60, None),
        "nothing comes in 60 s": ("0.001", "poisson", 60, None),
        "over in 30 s": (None, "poisson", 60, short),
        "holds no request": (None, "poisson", 60, empty),
        "can't be read": (None, "poisson", 60, missing),
    }.items():
        with pytest.raises(ValueError, match=words):
            arriving(*wrong)
    (tmp_path / "text").write_text("text\n")
    with pytest.raises(WrongTraffic, match="line 1"):
        arriving(None, "poisson", 60, tmp_path / "text")

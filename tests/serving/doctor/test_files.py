import shutil
from pathlib import Path

from serving.access.certificates import Certificates
from serving.doctor.files import examine
from serving.doctor.finding import Grade
from serving.settings import Access, Settings
from tests.doctor_findings import grades, troubles


def test_files_that_can_be_written_are_well_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    settings = Settings(
        ("s3://b/m",),
        state_file=tmp_path / "made" / "state",
        record_file=tmp_path / "records",
        record_max_bytes=1,
        trace_file=tmp_path / "traces",
        model_cache=tmp_path / "a" / "cache",
    )
    found = examine(settings, None)
    assert grades(found) == dict.fromkeys(("--state-file", "--record-file", "--trace-file", "--model-cache"), Grade.OK)
    assert [path.name for path in tmp_path.iterdir()] == ["records"]


def test_what_can_not_be_written_is_a_problem_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(
        ("s3://b/m",),
        state_file=tmp_path,
        record_file=tmp_path / "no" / "records",
        trace_file=tmp_path / "file" / "traces",
        model_cache=tmp_path / "file" / "cache",
    )
    found = troubles(examine(settings, None))
    assert grades(found) == dict.fromkeys(
        ("--state-file", "--record-file", "--trace-file", "--model-cache"), Grade.PROBLEM
    )
    assert found[1].fix == f"mkdir -p {tmp_path}/no"


def test_a_state_that_no_server_wrote_is_a_problem(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("garbage")
    (device,) = troubles(examine(Settings(tmp_path, state_file=Path("/dev/full")), None))
    assert device.says.endswith("is no ordinary file")
    (found,) = troubles(examine(Settings(tmp_path, state_file=state), None))
    assert "can't be understood" in found.says
    assert found.fix.startswith("delete it")
    state.write_text("{}")
    assert troubles(examine(Settings(tmp_path, state_file=state), None)) == []


def test_a_recording_that_the_disk_has_no_room_for_is_told(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    settings = Settings(tmp_path, record_file=tmp_path / "records", record_max_bytes=2 * free)
    assert grades(examine(settings, None))["--record-max-bytes"] is Grade.WARNING


def test_secrets_that_everybody_can_read_are_told(tmp_path: Path) -> None:
    key, keys = tmp_path / "server.key", tmp_path / "keys.toml"
    settings = Settings(tmp_path, access=Access(certificates=Certificates(tmp_path / "server.pem", key)))
    for path in (key, keys):
        path.write_text("")
        path.chmod(0o644)
    found = examine(settings, keys)
    assert grades(found) == {"--ssl-keyfile": Grade.WARNING, "--api-key-file": Grade.WARNING}
    assert found[0].fix == f"chmod o= {key}"
    for path in (key, keys):
        path.chmod(0o640)
    assert troubles(examine(settings, keys)) == []

"""What trains is in the image for training, which publishes what the image for serving serves."""

from pathlib import Path

import pytest

from tests.deploy.image.containers import HARDENED, ended, mounted, started
from tests.deploy.image.programs import run, said

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def published(training_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that a container filled, as user 10001 on a read-only root."""
    work = tmp_path_factory.mktemp("work")
    for folder in (work, *work.parents[:2]):
        folder.chmod(0o777)
    done = ended(training_image, "train", "digits-cnn", "--epochs", "1", options=mounted(work, "/work", "rw"))
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return work / "model_repository"


def test_it_trains_and_publishes_without_rights(published: Path) -> None:
    assert (published / "digits-cnn" / "1" / "model.onnx").is_file()
    assert (published / "digits-cnn" / "1" / "manifest.json").is_file()


def test_the_image_for_serving_serves_what_it_published(published: Path, image: str) -> None:
    with started(image, options=mounted(published)) as container:
        assert container.ask("ready") is True, container.log()
        assert "digits-cnn version 1 is ready" in container.log()


def test_torchrun_is_in_it(training_image: str) -> None:
    assert "nproc" in said("podman", "run", "--rm", *HARDENED, "--entrypoint=torchrun", training_image, "--help")


def test_it_has_the_load_test(training_image: str) -> None:
    assert run("podman", "run", "--rm", *HARDENED, training_image, "loadtest", "--help").returncode == 0

from pathlib import Path
from threading import Timer

from serving.commands.late_places import wait_for

ASYNC = {"MODEL_INIT_MODE": "async"}


def test_a_folder_that_is_announced_is_waited_for(tmp_path: Path) -> None:
    models = tmp_path / "models"
    link = Timer(0.2, lambda: models.symlink_to(tmp_path))
    link.start()
    wait_for((models, "s3://bucket/models"), ASYNC)
    assert models.is_dir()
    link.join()


def test_nothing_else_is_and_nothing_for_ever(tmp_path: Path) -> None:
    wait_for((tmp_path / "models",), {"MODEL_INIT_MODE": "sync"})
    wait_for((tmp_path / "models",), ASYNC, patience=0.1)

"""The model repository as it lies on disk.

Rule: reads only; everything that a model's folder can get wrong becomes a `ModelLoadFailed` with its reason.
"""

from collections.abc import Mapping
from pathlib import Path

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.versions import is_version
from serving.errors import ModelLoadFailed


class ModelRepository:
    """`root` holds a folder for each model: `<model>/config.pbtxt` and `<model>/<version>/model.onnx`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"<ModelRepository {self.root}>"

    def names(self) -> list[str]:
        """Every folder is a model; plain files, and folders with a leading dot or an unprintable name, are not."""
        folders = (path.name for path in self.root.iterdir() if path.is_dir())
        return sorted(name for name in folders if name.isprintable() and not name.startswith("."))

    def versions(self, name: str) -> list[int]:
        """The version folders of a model, lowest first; folders not named by a number are something else."""
        return sorted(
            int(path.name) for path in (self.root / name).iterdir() if path.is_dir() and is_version(path.name)
        )

    def version_directory(self, name: str, version: int) -> Path:
        return self.root / name / str(version)

    def config(self, name: str) -> ModelConfig:
        """Checked and completed."""
        path = self.root / name / "config.pbtxt"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ModelLoadFailed("the model's folder has no config.pbtxt") from None
        except OSError as error:
            raise ModelLoadFailed(f"config.pbtxt can't be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise ModelLoadFailed(f"config.pbtxt can't be read: {error}") from None
        return model_config.complete(model_config.parse(text, name))

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        """For each output with a `label_filename`, the lines of that file in the model's folder."""
        return {
            output.name: self._read_labels(config.name, output.label_filename)
            for output in config.output
            if output.label_filename
        }

    def _read_labels(self, name: str, filename: str) -> tuple[str, ...]:
        folder = (self.root / name).resolve()
        path = (folder / filename).resolve()
        if not path.is_relative_to(folder):
            raise ModelLoadFailed(f"label_filename '{filename}' is outside model directory")
        try:
            return tuple(path.read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError):
            raise ModelLoadFailed(f"label_filename '{filename}' can't be read in the model's folder") from None

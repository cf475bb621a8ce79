"""Labels that are a version's own, beside those in the model's folder, which all versions share.

Rule: a version that knows other classes than the one before it is never told by the names of those.
"""

from collections.abc import Mapping
from pathlib import Path

from serving.core.brief import words_of
from serving.core.model_config import ModelConfig
from serving.engine.inside import inside
from serving.errors import ModelLoadFailed

Labels = Mapping[str, tuple[str, ...]]


def labels_of_version(config: ModelConfig, directory: Path, shared: Labels) -> Labels:
    """By output: the lines of the file in the version's `directory` that has the name of `label_filename`, where there
    is one, else what is `shared`. Raises `ModelLoadFailed`."""
    files = {output.name: output.label_filename for output in config.output if output.label_filename}
    own = {name: directory / Path(filename).name for name, filename in files.items()}
    return {**shared, **{name: _lines(path) for name, path in own.items() if path.is_file()}}


def _lines(path: Path) -> tuple[str, ...]:
    if inside(path.parent, path.name) is None:
        raise ModelLoadFailed(f"the version's '{path.name}' is outside its folder")
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadFailed(f"the version's '{path.name}' can't be read: {words_of(error)}") from None

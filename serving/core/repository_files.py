"""What a model's folder holds, told cheaply enough to ask again and again: did anything change?

Rule: compared, never interpreted; two equal marks of a file mean that nobody touched it.
"""

from collections.abc import Hashable, Mapping

from serving.core.versions import is_version

Files = Mapping[str, Hashable]
"""A mark of each file, by its path inside the model's folder such as `1/model.onnx`."""


def of_version(files: Files, version: str) -> Files:
    """Those in the version's folder."""
    return {path: mark for path, mark in files.items() if path.startswith(f"{version}/")}


def of_all_versions(files: Files) -> Files:
    """Those that concern every version: config.pbtxt, labels."""
    return {path: mark for path, mark in files.items() if "/" not in path or not is_version(path.partition("/")[0])}


def version_folders(files: Files) -> set[str]:
    """The numbers of the versions that have a folder."""
    first = {path.partition("/")[0] for path in files if "/" in path}
    return set(filter(is_version, first))

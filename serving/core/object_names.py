"""Names of objects in a bucket, or of links on a page, that become files of a model's folder.

Rule: no name leads out of the folder, whatever somebody wrote into the bucket.
"""

from collections.abc import Iterable

_LONGEST = 255  # bytes of one part, as common file systems have it


def fault(path: str) -> str:
    """Why `path`, relative to a model's folder, can't be a file there; "" when it can. A folder's ends with a slash."""
    parts = path.removesuffix("/").split("/")
    if not all(parts):
        return "has an empty part"
    if any(part in (".", "..") for part in parts):
        return "has a part '.' or '..'"
    if "\\" in path:
        return "has a backslash"
    if not path.isprintable():
        return "can't be printed"
    if any(len(part.encode(errors="replace")) > _LONGEST for part in parts):
        return f"has a part of more than {_LONGEST} bytes"
    return ""


def both_file_and_folder(paths: Iterable[str]) -> str:
    """A path that is a file although others lie below it, which a bucket can hold and a disk can't; "" if none."""
    names = set(paths)
    files = {name for name in names if not name.endswith("/")}
    return next((folder for name in sorted(names) for folder in _above(name) if folder in files), "")


def _above(path: str) -> list[str]:
    """`a/b/c` -> `a`, `a/b`; of a folder also itself."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]

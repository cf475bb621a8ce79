from dataclasses import dataclass, field
from typing import Any

from serving.engine.meant_version import meant_version


@dataclass
class Version:
    version: str
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)


def chosen(*labels: dict[str, tuple[str, ...]]) -> str:
    """Of versions 1, 2 and so on, for what was read by the first."""
    versions: list[Any] = [Version(str(number), each) for number, each in enumerate(labels, 1)]
    return meant_version(versions[0], versions, lambda version: version.labels.get("items"))


def test_any_version_may_answer_where_all_have_the_same_labels() -> None:
    assert chosen({"items": ("tea", "coffee")}) == ""
    assert chosen({"items": ("tea", "coffee")}, {"items": ("tea", "coffee"), "other": ("x",)}) == ""


def test_the_one_that_was_read_must_where_another_has_others() -> None:
    assert chosen({"items": ("tea", "coffee")}, {"items": ("coffee", "tea")}) == "1"
    assert chosen({"items": ("tea", "coffee")}, {}) == "1"

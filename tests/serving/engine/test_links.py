from pathlib import Path

import pytest

from serving.engine.links import links_of


def swap(link: Path, target: str | Path) -> None:
    """In one rename, as whoever publishes by links does it."""
    link.with_name(".new").symlink_to(target)
    link.with_name(".new").rename(link)


def test_all_links_on_the_way_to_what_a_repository_holds_are_found(tmp_path: Path) -> None:
    (tmp_path / "here" / "root" / "m").mkdir(parents=True)
    (tmp_path / "current").symlink_to("here")
    root, real = tmp_path / "current" / "root", tmp_path / "here" / "root"
    (tmp_path / "away" / "v1").mkdir(parents=True)
    (tmp_path / "away" / "best").symlink_to("v1")
    (tmp_path / "away" / "v1" / "file").symlink_to("/nowhere")
    (real / "m" / "1").symlink_to("../../../away/best")
    (real / "..data" / "n").mkdir(parents=True)
    (real / "n").symlink_to("..data/n")
    (real / "m" / "again").symlink_to("..")
    (real / "itself").symlink_to("itself")
    (real / ".hidden").symlink_to("m")
    links = links_of(root)
    assert {str(link.relative_to(tmp_path)): str(target) for link, target in links.targets.items()} == {
        "current": "here",
        "here/root/m/1": "../../../away/best",
        "away/best": "v1",
        "away/v1/file": "/nowhere",
        "here/root/n": "..data/n",
        "here/root/m/again": "..",
        "here/root/itself": "itself",
    }
    assert links.lead_there_still()
    assert links_of(root) == links
    (real / "more").symlink_to("m")
    assert links.lead_there_still(), "no folder is read"
    swap(tmp_path / "away" / "best", "v2")
    assert not links.lead_there_still()


def test_a_root_that_is_another_folder_now_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    links = links_of(root)
    root.rename(tmp_path / "away")
    assert not links.lead_there_still()
    with pytest.raises(FileNotFoundError):
        links_of(root)
    root.mkdir()
    assert not links.lead_there_still()

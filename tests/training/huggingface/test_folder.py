from pathlib import Path

import pytest

from training.errors import ImportRefused
from training.huggingface.folder import model_name, read_config, read_texts

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"


def test_files_of_text_come_as_they_are_and_no_others(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "chat_template.jinja", "README.md", "model.safetensors"):
        (tmp_path / name).write_text("{}")

    assert set(read_texts(tmp_path)) == {"config.json", "tokenizer.json", "chat_template.jinja"}
    assert read_config(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"has no config\.json; give the folder"),
        (POINTER, "is a Git LFS pointer, not the file itself; run `git lfs pull`"),
        ("{", "is not JSON"),
        ("[1, 2]", "must hold a JSON object, got a list of 2"),
        ("[" * 100_000, "is not JSON"),
        ("\xff", "is not JSON"),
    ],
)
def test_a_config_that_is_none_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="latin-1")

    with pytest.raises(ImportRefused, match=reason):
        read_config(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ImportRefused, match=f"{name}' is no folder"):
        read_config(tmp_path / name)


def test_without_a_tokenizer_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"has no tokenizer\.json.*AutoTokenizer.*save_pretrained"):
        read_texts(tmp_path)


def test_a_tokenizer_that_was_never_downloaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(POINTER)

    with pytest.raises(ImportRefused, match=r"tokenizer\.json' is a Git LFS pointer"):
        read_texts(tmp_path)


def test_a_model_is_named_as_its_folder_or_its_snapshot_in_the_cache(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--Qwen--Qwen2.5-0.5B--x" / "snapshots" / "0123abcd"

    assert model_name(tmp_path / "writer/") == "writer"
    assert model_name(tmp_path / "a" / ".." / "b") == "b"
    assert model_name(snapshot) == "x"
    assert model_name(tmp_path / "models--gpt" / "snapshots" / "0123abcd") == "gpt"

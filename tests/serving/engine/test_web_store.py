from pathlib import Path

import pytest

from serving.core.remote_address import parse
from serving.engine.web_store import open_web
from serving.errors import ModelLoadFailed
from tests.web_server import says_always, web_server


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_folders_and_files_are_read_from_the_pages(tmp_path: Path) -> None:
    write(tmp_path, "README.md", "models/m/config.pbtxt", "models/m/1/model.onnx", "models/m/1/data/w", "other/1/x")
    (tmp_path / "models" / "m" / "2").mkdir()
    with web_server(tmp_path) as server:
        store = open_web(parse(f"{server.url}/models/"))
        assert store.folders() == ["m"]
        files = store.files("m")
        assert [file.path for file in files] == ["1/data/w", "1/model.onnx", "2/", "config.pbtxt"]
        assert [file.size for file in files] == [17, 21, 0, 21]
        assert all(file.identity for file in files if file.size)
        store.fetch(files[0], tmp_path / "fetched")
        assert (tmp_path / "fetched").read_text() == "models/m/1/data/w"
        assert store.files("nope") == []


def test_names_that_urls_quote_are_read(tmp_path: Path) -> None:
    write(tmp_path, "my model & co/1/größe 100%.txt")
    with web_server(tmp_path) as server:
        store = open_web(parse(server.url))
        assert store.folders() == ["my model & co"]
        file = store.files("my model & co")[0]
        assert file.path == "1/größe 100%.txt"
        store.fetch(file, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_text() == "my model & co/1/größe 100%.txt"


def test_links_that_lead_elsewhere_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "secret/1/model.onnx", "models/m/1/model.onnx")
    links = ["../secret/", "/secret/", "?C=N;O=D", "#top", "//elsewhere/x/", "https://elsewhere/y/", "m/", "./m/"]
    page = "".join(f'<a href="{link}">{link}</a>' for link in links)
    (tmp_path / "models" / "index.html").write_text(page)
    with web_server(tmp_path) as server:
        assert open_web(parse(f"{server.url}/models")).folders() == ["m"]


def test_a_page_that_lists_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "again").symlink_to(tmp_path / "m")
    with web_server(tmp_path) as server, pytest.raises(ModelLoadFailed, match="more than 16 folders in one another"):
        open_web(parse(server.url)).files("m")


def test_a_name_and_a_password_are_sent(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        open_web(parse(server.url.replace("//", "//name:pass%20wörd@"))).folders()
        assert server.logins == {"name:pass wörd"}


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelLoadFailed, match=r"from http://127.0.0.1:1/m: nothing listens at 127.0.0.1:1$"):
        open_web(parse("http://127.0.0.1:1/m")).folders()


def test_one_that_does_not_speak_https_is_said(tmp_path: Path) -> None:
    with web_server(tmp_path) as server, pytest.raises(ModelLoadFailed, match=r"no TLS connection to 127.0.0.1:\d+, "):
        open_web(parse(server.url.replace("http:", "https:"))).folders()


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"", "the server hung up before it answered"), (b"SSH-2.0\r\n\r\n", "what answers there does not speak HTTP")],
)
def test_one_that_does_not_speak_http_is_said(answer: bytes, words: str) -> None:
    with (
        says_always(answer) as url,
        pytest.raises(ModelLoadFailed, match=f"from {url}: {words}$"),
    ):
        open_web(parse(url)).folders()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with web_server(tmp_path) as server, pytest.raises(ModelLoadFailed, match="/models: it is not there"):
        open_web(parse(f"{server.url}/models")).folders()


def test_a_fault_of_the_server_is_not_taken_for_an_empty_folder(tmp_path: Path) -> None:
    write(tmp_path, "m/1/model.onnx")
    with web_server(tmp_path) as server:
        server.broken = {"/m/"}
        with pytest.raises(ModelLoadFailed, match=r"model 'm' can't be read from .*: status 500"):
            open_web(parse(server.url)).files("m")


def test_a_reply_that_ends_early_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "m/1/model.onnx")
    with web_server(tmp_path) as server:
        store = open_web(parse(server.url))
        server.cut = {"/m/1/model.onnx"}
        with pytest.raises(ModelLoadFailed, match=r"can't be read from .*: the answer broke off"):
            store.fetch(store.files("m")[0], tmp_path / "fetched")

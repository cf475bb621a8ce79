import pytest

from serving.core.remote_address import is_remote, parse


@pytest.mark.parametrize(
    ("text", "protocol", "root", "options"),
    [
        ("s3://bucket", "s3", "bucket", {}),
        ("s3://bucket/some/models/", "s3", "bucket/some/models", {}),
        ("S3://bucket/models", "s3", "bucket/models", {}),
        ("s3://minio:9000/bucket/models", "s3", "bucket/models", {"endpoint_url": "http://minio:9000"}),
        ("s3://https://minio:9000/bucket", "s3", "bucket", {"endpoint_url": "https://minio:9000"}),
        ("gs://bucket/models", "gs", "bucket/models", {}),
        ("az://container/models", "az", "container/models", {}),
        ("abfs://container/models", "az", "container/models", {}),
        ("abfss://c@account.dfs.core.windows.net/models", "az", "c/models", {"account_name": "account"}),
        ("as://account/container/models", "az", "container/models", {"account_name": "account"}),
        ("http://host:8080/models/", "http", "http://host:8080/models", {}),
        ("https://host/some models", "https", "https://host/some%20models", {}),
    ],
)
def test_what_an_address_names(text: str, protocol: str, root: str, options: dict[str, str]) -> None:
    address = parse(text)
    assert (address.protocol, address.root, address.options) == (protocol, root, options)


def test_a_password_is_kept_and_never_shown() -> None:
    address = parse("https://somebody:se%40cret@host/models")
    assert address.login == ("somebody", "se@cret")
    assert address.url == "https://host/models"
    assert "cret" not in repr(address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/models", "a folder or an address of s3://.*got 'ftp://'"),
        ("s3://", "as in s3://bucket/models"),
        ("s3:///models", "as in s3://bucket/models"),
        ("s3://bucket/../other", "as in s3://bucket/models"),
        ("gs://bucket//models", "as in gs://bucket/models"),
        ("http:///models", "a host must follow http://"),
        ("https://host/models?list=1", "takes no '\\?'"),
        ("s3://key:hidden@bucket/models", "no signature or password can be in a s3:// address; set AWS_ACCESS_KEY_ID"),
        ("s3://https://key:hidden@minio:9000/bucket", "no signature or password"),
        ("az://container/models?sig=hidden", "no signature or password .*; set AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_a_wrong_address_is_refused_with_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        parse(text)
    assert "hidden" not in str(refused.value)


def test_folders_are_not_remote() -> None:
    assert not any(map(is_remote, ("models", "/models", "./s3/models", "C:\\models", "file:///models")))
    assert all(map(is_remote, ("s3://b", "HTTP://h", "ftp://h")))

import pytest

from serving.commands.cache_config import InvalidCacheConfig, cache_byte_size


@pytest.mark.parametrize(
    ("byte_size", "cache_config", "size"),
    [
        (None, None, 0),
        (0, None, 0),
        (1048576, None, 1048576),
        (None, "local,size=1048576", 1048576),
        (None, "local,size=0", 0),
    ],
)
def test_either_option_gives_the_size(byte_size: int | None, cache_config: str | None, size: int) -> None:
    assert cache_byte_size(byte_size, cache_config) == size


@pytest.mark.parametrize("cache_config", ["", "local", ",size=1", "local,", "local,size", "local,=1", "local,size="])
def test_what_is_no_setting_is_refused_with_the_format(cache_config: str) -> None:
    with pytest.raises(InvalidCacheConfig, match=r"format is '<cache name>,<setting>=<value>'\. Got "):
        cache_byte_size(None, cache_config)


@pytest.mark.parametrize(
    ("cache_config", "words"),
    [
        ("redis,host=localhost", "there is one cache, 'local', in the server's memory. Got 'redis'"),
        ("local,bytes=1", "has one setting, 'size'. Got 'bytes'"),
        ("local,size=1GB", "'size' is a number of bytes. Got '1GB'"),
        ("local,size=-1", "'size' is a number of bytes. Got '-1'"),
        ("local,size=" + "9" * 19, "'size' is a number of bytes"),
    ],
)
def test_what_there_is_not_is_named(cache_config: str, words: str) -> None:
    with pytest.raises(InvalidCacheConfig, match=words):
        cache_byte_size(None, cache_config)


def test_both_at_once_are_refused() -> None:
    with pytest.raises(InvalidCacheConfig, match="Incompatible flags --response-cache-byte-size and --cache-config"):
        cache_byte_size(1, "local,size=1")

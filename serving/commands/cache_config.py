"""The two options that give the response cache its size, Triton's `--cache-config` and its older one.

Rule: what Triton takes is taken, or refused in its words; a size is in bytes, 0 for no cache.
"""

_OPTION = "--cache-config"


class InvalidCacheConfig(Exception):
    """The text says which option, and what it takes."""


def cache_byte_size(byte_size: int | None, cache_config: str | None) -> int:
    """Of what was given, at most one of both. Raises `InvalidCacheConfig`."""
    if cache_config is None:
        return byte_size or 0
    if byte_size is not None:
        raise InvalidCacheConfig(
            "Incompatible flags --response-cache-byte-size and --cache-config both provided. Please provide one or the "
            "other."
        )
    name, comma, setting = cache_config.partition(",")
    key, equals, value = setting.partition("=")
    if not (name and comma and key and equals and value):
        raise InvalidCacheConfig(f"{_OPTION} option format is '<cache name>,<setting>=<value>'. Got {cache_config}")
    if name != "local":
        raise InvalidCacheConfig(f"{_OPTION}: there is one cache, 'local', in the server's memory. Got '{name}'")
    if key != "size":
        raise InvalidCacheConfig(f"{_OPTION}: the cache 'local' has one setting, 'size'. Got '{key}'")
    if not (value.isascii() and value.isdecimal()) or len(value) > 18:
        raise InvalidCacheConfig(f"{_OPTION}: 'size' is a number of bytes. Got '{value}'")
    return int(value)

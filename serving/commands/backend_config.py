"""Triton's `--backend-config=BACKEND,SETTING=VALUE`, of which one setting is there.

Rule: what is not there is refused by name.
"""

from collections.abc import Iterable

_OPTION = "--backend-config"
_ON, _OFF = ("1", "true", "on"), ("0", "false", "off")


class InvalidBackendConfig(Exception):
    """The text says what is wrong, and what there is."""


def enables_global_threadpool(given: Iterable[str]) -> bool:
    """Of `onnxruntime,enable-global-threadpool=1`. Raises `InvalidBackendConfig`."""
    enabled = False
    for text in given:
        backend, comma, setting = text.partition(",")
        key, equals, value = setting.partition("=")
        if not (backend and comma and key and equals):
            raise InvalidBackendConfig(f"{_OPTION} option format is '<backend name>,<setting>=<value>'. Got {text}")
        if (backend, key.replace("_", "-")) != ("onnxruntime", "enable-global-threadpool"):
            raise InvalidBackendConfig(
                f"{_OPTION}: '{key}' of '{backend}' is not there. What is: onnxruntime,enable-global-threadpool=1; "
                "other settings are parameters of a model's config.pbtxt"
            )
        if value not in (*_ON, *_OFF):
            raise InvalidBackendConfig(f"{_OPTION}: 'enable-global-threadpool' is 0 or 1. Got '{value}'")
        enabled = value in _ON
    return enabled

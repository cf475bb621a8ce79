"""Keys that come and go while the server runs, as their file says.

Rule: a file that can't be used, as between two writes, changes nothing, and the log says so once.
"""

import asyncio
import logging
from contextlib import suppress

from serving.access.gate import Callers
from serving.access.key_file import InvalidKeyFile, KeyFile, checked, read
from serving.access.keys import Key

log = logging.getLogger("slipway")

_EVERY = 1.0  # seconds


def keys_of(file: KeyFile) -> tuple[Key, ...]:
    """And those beside it. Raises `InvalidKeyFile`."""
    try:
        text = file.path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidKeyFile(f"{file.path} can't be read: {why}") from None
    try:
        return checked((*file.beside, *read(text)))
    except InvalidKeyFile as error:
        raise InvalidKeyFile(f"{file.path}: {error}") from None


async def follow_keys(file: KeyFile, keys: tuple[Key, ...], callers: Callers, stop: asyncio.Event) -> None:
    """`keys` are those that `callers` have now. Until `stop`."""
    told = ""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY)
        try:
            found = await asyncio.to_thread(keys_of, file)
        except InvalidKeyFile as error:
            if str(error) != told:
                log.error("keys stay as they were: %s", error)
            told = str(error)
            continue
        told = ""
        if found != keys:
            callers.replace(found)
            log.info("callers have the keys that are in %s now: %s", file.path, ", ".join(key.name for key in found))
            keys = found

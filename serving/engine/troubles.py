"""What goes wrong for a while, such as a repository that can't be read, by the name of what it concerns.

Rule: logged when it begins and when it ends, however often it is met in between.
"""

import logging
import threading
from collections.abc import Mapping

log = logging.getLogger("slipway")


class Troubles:
    """May be called from any thread."""

    def __init__(self, what: str) -> None:
        """`what` has a place for the name: `the model repository %s`."""
        self._what = what
        self._now: dict[str, str] = {}
        self._noting = threading.Lock()

    def __repr__(self) -> str:
        return f"<Troubles {self._now}>"

    def of(self, name: str) -> str:
        """Why it is in trouble; "" where it is not."""
        return self._now.get(name, "")

    def note(self, name: str, reason: str) -> None:
        """`reason` is "" where all is well."""
        with self._noting:
            before = self._now.pop(name, "")
            if reason:
                self._now[name] = reason
        if reason and not before:
            log.error("%s is left as it is: %s", self._what % name, reason)
        elif before and not reason:
            log.warning("%s is read again", self._what % name)

    def note_all(self, reasons: Mapping[str, str]) -> None:
        """What is not in `reasons` is well."""
        for name in [*self._now, *reasons]:
            self.note(name, reasons.get(name, ""))

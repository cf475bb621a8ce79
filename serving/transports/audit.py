"""A line in the log for each request that is meant to change the server: who, what, from where, and what came of it.

Rule: what a caller wrote is told without line breaks and not at any length; what it showed to be let in never is.
"""

import logging

log = logging.getLogger("slipway.audit")

_LONGEST = 200  # characters


def tell(caller: str, what: str, address: str, result: int | str) -> None:
    """`caller` is its key's name, "" without one; `result` an HTTP status, or the name of one of gRPC's."""
    fields = {"caller": caller or "no key", "what": _plain(what), "address": address or "unknown", "result": result}
    log.info("%(what)s by %(caller)s from %(address)s: %(result)s", fields, extra={"fields": fields})


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])

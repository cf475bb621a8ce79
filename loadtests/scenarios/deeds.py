"""What is done to a server's models while it is loaded, through its repository API.

Rule: a deed is over when the server says so.
"""

import json
from collections.abc import Sequence
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from loadtests.asking import CannotTest
from loadtests.call import Header
from loadtests.clients.said import said_in
from loadtests.clients.trust import Trust, ssl_context
from loadtests.scenarios.scenario import Deed

_TIMEOUT = 300.0  # seconds; loading takes as long as it takes
_STEPS = {Deed.RELOAD: ("load",), Deed.RESTART: ("unload", "load")}
_SWITCHED_OFF = 503


class Deeds:
    def __init__(self, url: str, headers: Sequence[Header], trust: Trust) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **dict(headers)}
        self._encryption = ssl_context(trust) if url.startswith("https") else None

    def do(self, deed: Deed, model: str) -> None:
        """Raises `CannotTest`."""
        for step in _STEPS[deed]:
            self._ask(f"/v2/repository/models/{quote(model, safe='')}/{step}")

    def _ask(self, path: str) -> None:
        request = Request(f"{self._url}{path}", json.dumps({}).encode(), self._headers)
        try:
            urlopen(request, timeout=_TIMEOUT, context=self._encryption).close()
        except HTTPError as error:
            advice = "; is it served with --model-control-mode explicit?" if error.code == _SWITCHED_OFF else ""
            raise CannotTest(f"{path} answered {error.code}: {said_in(error.read())}{advice}") from None
        except (URLError, OSError) as error:
            raise CannotTest(f"{path} was not answered: {getattr(error, 'reason', error)}") from None

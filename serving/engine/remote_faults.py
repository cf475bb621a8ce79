"""Why a store elsewhere did not answer, in words for the person who runs the server.

Rule: the drivers' errors are told by the names of their classes, since their packages may not be installed; and no
secret that a URL holds is repeated.
"""

import os
import re
from collections.abc import Iterator

from serving.core.remote_address import RemoteAddress

_NO_CREDENTIALS = {
    "NoCredentialsError",  # botocore
    "PartialCredentialsError",
    "ProfileNotFound",
    "TokenRetrievalError",
    "DefaultCredentialsError",  # google-auth
    "ClientAuthenticationError",  # azure-core
    "CredentialUnavailableError",
}
# By what their classes are called in Python, aiohttp, fsspec and botocore; the first that is there counts.
_LOST = {
    "gaierror": "the name of the host {host} is not known",
    "SSLCertVerificationError": "the certificate of {server} is not trusted: {reason}",
    "SSLError": "no TLS connection to {server}, which may not speak https: {reason}",
    "ConnectionRefusedError": "nothing listens at {server}",
    "ClientConnectorError": "no connection to {server}: {reason}",
    "ServerDisconnectedError": "the server hung up before it answered",
    "ConnectionResetError": "the server hung up before it answered",
    "ClientPayloadError": "the answer broke off before its end",
    "BadHttpMessage": "what answers there does not speak HTTP",
    "ConnectTimeoutError": "no answer in time",
    "ReadTimeoutError": "no answer in time",
    "TimeoutError": "no answer in time",
}
_REFUSED = {401, 403}
_NOT_FOUND = 404
_SECRET = re.compile(r"(?i)((?:sig|signature|token|password|key)=)[^&\s'\"]+|(://)[^/@\s]+@")
_QUERY = re.compile(r"(?<=\w)\?[^\s'\"]+")
_LONGEST = 300  # characters


def reason_of(error: BaseException, address: RemoteAddress) -> str:
    chain = list(_chain(error))
    statuses = {status for each in chain if (status := _status(each))}
    names = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if address.protocol == "az" and any("connection_string" in str(each) for each in chain):  # adlfs's own words
        return f"no credentials; {address.driver.credentials}"
    if names & _NO_CREDENTIALS:
        return f"no credentials: {_words(error)}; {address.driver.credentials}"
    if "PermissionError" in names or statuses & _REFUSED or str(error).startswith("Forbidden"):  # gcsfs's 403
        return f"access denied: {_words(error)}; {address.driver.credentials}"
    if lost := next((words for name, words in _LOST.items() if name in names), ""):
        return _about_connection(lost, chain)
    if statuses - {_NOT_FOUND}:
        return _words(next(each for each in chain if _status(each)))
    if "FileNotFoundError" in names:
        told = _words(error)  # a sentence, or the path alone
        return "it is not there" if address.bucket in told else told
    return _words(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, at most a few."""
    current: BaseException | None = error
    for _ in range(5):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _about_connection(words: str, chain: list[BaseException]) -> str:
    """aiohttp's errors have a host and a port, those of sockets and TLS a reason."""

    def told(*attributes: str) -> str:
        found = (str(value) for name in attributes for each in chain if (value := getattr(each, name, None)))
        return next(found, "")

    host, errno = told("host"), told("errno")
    server = f"{host}:{told('port')}" if host else "the server"
    reason = told("verify_message", "reason") or (os.strerror(int(errno)) if errno else "")
    return words.format(host=host or "of the address", server=server, reason=reason.lower().replace("_", " "))


def _status(error: BaseException) -> int:
    """The HTTP status that aiohttp's, Google's and Azure's errors carry."""
    for attribute in ("status", "status_code", "code"):
        value = getattr(error, attribute, None)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return 0


def _words(error: BaseException) -> str:
    status, message = _status(error), getattr(error, "message", None)
    if status and isinstance(message, str):
        text = f"status {status} {message}"
    elif isinstance(error, OSError) and error.strerror and str(error).startswith("[Errno"):
        text = error.strerror
    else:
        text = str(error) or type(error).__name__
    text = _SECRET.sub(r"\1\2***", _QUERY.sub("", " ".join(text.split())))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

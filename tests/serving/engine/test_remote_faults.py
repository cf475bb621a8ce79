import errno
import socket
import ssl

import pytest

from serving.core.remote_address import parse
from serving.engine.remote_faults import reason_of

S3, WEB, AZURE = parse("s3://bucket/models"), parse("https://host/models"), parse("az://container")


class NoCredentialsError(Exception):
    """As botocore names it."""


class HttpError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}, message='{message}', url='https://name:secret@host/models?sig=secret'")
        self.status, self.message = status, message


class ClientConnectorError(OSError):
    """As aiohttp names it."""

    host, port = "host", 443


def untrusted() -> Exception:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "expired"
    return error


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "address", "words"),
    [
        (NoCredentialsError("none found"), S3, "no credentials: none found; set AWS_ACCESS_KEY_ID"),
        (PermissionError("Access Denied"), S3, "access denied: Access Denied; set AWS_ACCESS_KEY_ID"),
        (ValueError("a connection_string or account_name"), AZURE, "no credentials; set AZURE_STORAGE_ACCOUNT_NAME"),
        (HttpError(403, "Forbidden"), WEB, "access denied: status 403 Forbidden; put a name and a password"),
        (HttpError(500, "Internal Server Error"), WEB, "status 500 Internal Server Error"),
        (caused_by(FileNotFoundError(WEB.root), HttpError(502, "Bad Gateway")), WEB, "status 502 Bad Gateway"),
        (FileNotFoundError("bucket/models/m"), S3, "it is not there"),
        (FileNotFoundError("The specified key does not exist."), S3, "The specified key does not exist."),
        (OSError(errno.EIO, "We encountered an error"), S3, "We encountered an error"),
        (TimeoutError(), S3, "no answer in time"),
        (
            caused_by(OSError("ssl:default [None]"), untrusted()),
            S3,
            "the certificate of the server is not trusted: expired",
        ),
        (
            caused_by(OSError("ssl:default [None]"), socket.gaierror(-2, "unknown")),
            WEB,
            "the name of the host of the addr",
        ),
        (ClientConnectorError(errno.ENETUNREACH, "?"), WEB, "no connection to host:443: network is unreachable"),
    ],
)
def test_what_went_wrong_is_in_words_with_what_to_set(error: Exception, address: object, words: str) -> None:
    assert reason_of(error, address).startswith(words)  # type: ignore[arg-type]


def test_secrets_in_a_url_are_not_repeated() -> None:
    error = OSError("can't connect to https://name:hidden@host/models?sig=hidden&x=1 with token=hidden")
    assert "hidden" not in reason_of(error, WEB)
    assert "host/models" in reason_of(error, WEB)


def test_long_words_are_cut_and_stay_on_one_line() -> None:
    reason = reason_of(OSError("line\n" * 1000), S3)
    assert len(reason) < 400
    assert "\n" not in reason

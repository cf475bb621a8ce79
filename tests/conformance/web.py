"""httpx, but for the certificates: it reads them all for every client it makes, which here is one for every request."""

import ssl
from functools import partial

import httpx

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

get = partial(httpx.get, verify=_NO_TLS)
post = partial(httpx.post, verify=_NO_TLS)
request = partial(httpx.request, verify=_NO_TLS)
stream = partial(httpx.stream, verify=_NO_TLS)
client = partial(httpx.Client, verify=_NO_TLS)
async_client = partial(httpx.AsyncClient, verify=_NO_TLS)

"""The one table that gives every error its HTTP status.

Source: Triton's http_server.cc, where an unknown model is 400 and an unknown version 404. Rule: a client's fault is
4xx, even where Triton answers 500.
"""

from serving import errors

HTTP_STATUS: dict[type[errors.SlipwayError], int] = {
    errors.InvalidInput: 400,
    errors.Unsupported: 501,
    errors.BodyTooLarge: 413,
    errors.ModelNotFound: 400,
    errors.VersionNotFound: 404,
    errors.ModelNotReady: 503,
    errors.ModelLoadFailed: 503,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 503,
    errors.Cancelled: 400,
    errors.ServerExiting: 503,
    errors.BackendFailed: 500,
}

# People's routes (/v1/...) follow what web APIs do where Triton differs.
HTTP_STATUS_V1: dict[type[errors.SlipwayError], int] = {
    **HTTP_STATUS,
    errors.Unsupported: 400,
    errors.ModelNotFound: 404,
}


def http_status(error: errors.SlipwayError, path: str) -> int:
    table = HTTP_STATUS_V1 if path.startswith("/v1/") else HTTP_STATUS
    return table[type(error)]

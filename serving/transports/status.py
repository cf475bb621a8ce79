"""The tables that give every error its HTTP status and its gRPC code.

Source: Triton's http_server.cc, where an unknown model is 400 and an unknown version 404. Rule: a client's fault is
4xx, even where Triton answers 500.
"""

from collections.abc import Mapping
from typing import TypeVar

import grpc

from serving import errors

T = TypeVar("T")

HTTP_STATUS: dict[type[errors.SlipwayError], int] = {
    errors.InvalidInput: 400,
    errors.Unsupported: 501,
    errors.ContextTooLong: 400,
    errors.BodyTooLarge: 413,
    errors.RegionNotFound: 404,
    errors.ModelNotFound: 400,
    errors.VersionNotFound: 404,
    errors.ReportNotFound: 404,
    errors.ModelNotReady: 503,
    errors.StepNotReady: 503,
    errors.ModelLoadFailed: 400,
    errors.RepositoryPollFailed: 400,
    errors.ControlRefused: 503,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Restricted: 403,
    errors.Overloaded: 503,
    errors.Hopeless: 503,
    errors.OutOfMemory: 429,
    errors.TooManyRequests: 429,
    errors.DeadlineExceeded: 503,
    errors.Cancelled: 400,
    errors.ServerExiting: 503,
    errors.BackendFailed: 500,
    errors.InstanceDied: 503,
    errors.NotFinite: 500,
}

# Source: Triton's grpc/grpc_utils.cc; a poll that failed is INTERNAL there, and its example programs check for that.
GRPC_STATUS: dict[type[errors.SlipwayError], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unsupported: grpc.StatusCode.UNIMPLEMENTED,
    errors.ContextTooLong: grpc.StatusCode.INVALID_ARGUMENT,
    errors.BodyTooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.RegionNotFound: grpc.StatusCode.NOT_FOUND,
    errors.ModelNotFound: grpc.StatusCode.INVALID_ARGUMENT,
    errors.VersionNotFound: grpc.StatusCode.NOT_FOUND,
    errors.ReportNotFound: grpc.StatusCode.NOT_FOUND,
    errors.ModelNotReady: grpc.StatusCode.UNAVAILABLE,
    errors.StepNotReady: grpc.StatusCode.UNAVAILABLE,
    errors.ModelLoadFailed: grpc.StatusCode.INVALID_ARGUMENT,
    errors.RepositoryPollFailed: grpc.StatusCode.INTERNAL,
    errors.ControlRefused: grpc.StatusCode.UNAVAILABLE,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.Restricted: grpc.StatusCode.UNAVAILABLE,
    errors.Overloaded: grpc.StatusCode.UNAVAILABLE,
    errors.Hopeless: grpc.StatusCode.UNAVAILABLE,
    errors.OutOfMemory: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.TooManyRequests: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: grpc.StatusCode.UNAVAILABLE,
    errors.Cancelled: grpc.StatusCode.CANCELLED,
    errors.ServerExiting: grpc.StatusCode.UNAVAILABLE,
    errors.BackendFailed: grpc.StatusCode.INTERNAL,
    errors.InstanceDied: grpc.StatusCode.UNAVAILABLE,
    errors.NotFinite: grpc.StatusCode.INTERNAL,
}

# People's routes (/v1/...) follow what web APIs do where Triton differs.
HTTP_STATUS_V1: dict[type[errors.SlipwayError], int] = {
    **HTTP_STATUS,
    errors.Unsupported: 400,
    errors.ModelNotFound: 404,
}


# A client of OpenAI's tries again after 429.
HTTP_STATUS_OPENAI: dict[type[errors.SlipwayError], int] = {
    **HTTP_STATUS_V1,
    errors.Overloaded: 429,
    errors.Hopeless: 429,
}


def openai_status(error: errors.SlipwayError) -> int:
    return _row(HTTP_STATUS_OPENAI, error)


def http_status(error: errors.SlipwayError, path: str) -> int:
    table = HTTP_STATUS_V1 if path.startswith("/v1/") else HTTP_STATUS
    return _row(table, error)


def grpc_status(error: errors.SlipwayError) -> grpc.StatusCode:
    return _row(GRPC_STATUS, error)


def _row(table: Mapping[type[errors.SlipwayError], T], error: errors.SlipwayError) -> T:
    """A model may have raised a subclass of its own."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)

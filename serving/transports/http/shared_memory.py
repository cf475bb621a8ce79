"""Shared memory regions over HTTP: register, unregister, status. Rule: what they are is `SharedMemoryRegions`' own."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.core.brief import brief
from serving.errors import InvalidInput
from serving.protocols import json_text
from serving.transports.http.body import plain_body
from serving.transports.http.documented import DONE, ERRORS, Endpoint, RawRoute, json_body
from serving.transports.http.replies import json_reply
from serving.transports.shared_memory import SharedMemoryRegions


class SystemRegion(BaseModel):
    name: str = Field(examples=["input_data"])
    key: str = Field(examples=["/input_data"])
    offset: int
    byte_size: int = Field(examples=[64])


class CudaRegion(BaseModel):
    name: str
    device_id: int
    byte_size: int


class SystemRegistration(BaseModel):
    key: str = Field(description="The segment's name, as `shm_open` takes it.")
    offset: int = Field(0, ge=0, description="Where in the segment the region begins, in bytes.")
    byte_size: int = Field(ge=1)


class CudaHandle(BaseModel):
    b64: str = Field(description="The `cudaIpcMemHandle_t` in base64.")


class CudaRegistration(BaseModel):
    raw_handle: CudaHandle
    device_id: int
    byte_size: int


_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 413, 501)}
_CHANGE: dict[str, Any] = {"response_class": Response, "responses": {200: DONE, **_ERRORS}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {**ERRORS[404], "description": "No such region."}}
_SYSTEM_EXAMPLE = {"key": "/input_data", "offset": 0, "byte_size": 64}
_CUDA_EXAMPLE = {"raw_handle": {"b64": "AAAA"}, "device_id": 0, "byte_size": 64}
_REGION_PARAMETER = {
    "name": "region",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "input_data",
}


def shared_memory_router(regions: SharedMemoryRegions) -> APIRouter:
    router = APIRouter(prefix="/v2", tags=["Shared memory"], route_class=RawRoute)

    async def system_status(request: Request) -> Response:
        return json_reply([asdict(region) for region in regions.status(_region(request))])

    async def register_system(request: Request) -> Response:
        regions.check_may_register(_region(request), "system")
        registration = _registration(await plain_body(request))
        regions.register(
            _region(request),
            _key(registration),
            _number(registration, "offset"),
            _number(registration, "byte_size"),
        )
        return _done()

    async def unregister_system(request: Request) -> Response:
        if name := _region(request):
            regions.unregister(name)
        else:
            regions.unregister_all()
        return _done()

    async def cuda_status(request: Request) -> Response:
        return json_reply(regions.cuda_status(_region(request)))

    async def register_cuda(request: Request) -> Response:
        regions.register_cuda(_region(request))
        return _done()

    async def unregister_cuda(_: Request) -> Response:
        regions.unregister_cuda()
        return _done()

    _add(router.get, "system", "status", system_status, response_model=list[SystemRegion], responses=_NOT_FOUND)
    _add(router.get, "cuda", "status", cuda_status, response_model=list[CudaRegion], responses=_NOT_FOUND)
    for kind, register, body in (
        ("system", register_system, json_body(SystemRegistration, _SYSTEM_EXAMPLE)),
        ("cuda", register_cuda, json_body(CudaRegistration, _CUDA_EXAMPLE)),
    ):
        _add(router.post, kind, "register", register, openapi_extra={"requestBody": body}, **_CHANGE)
    _add(router.post, "system", "unregister", unregister_system, **_CHANGE)
    _add(router.post, "cuda", "unregister", unregister_cuda, **_CHANGE)
    return router


def _add(add: Callable[..., Any], kind: str, action: str, endpoint: Endpoint, **documentation: Any) -> None:
    """Both forms of a route: of one region, and of all that there are."""
    extra = documentation.pop("openapi_extra", {})
    for suffix, parameters, whose in (
        ("", [], "every region"),
        ("/region/{region}", [_REGION_PARAMETER], "one region"),
    ):
        register = add(
            f"/{kind}sharedmemory{suffix}/{action}",
            name=f"{endpoint.__name__}_{whose}",
            summary=f"{action.capitalize()}: {whose} of {kind} shared memory",
            openapi_extra={**extra, "parameters": parameters},
            **documentation,
        )
        register(endpoint)


def _region(request: Request) -> str:
    """From the path; "" where the path names none."""
    name: str = request.path_params.get("region", "")
    return name


def _done() -> Response:
    """As Triton has it: JSON by its header, and empty."""
    return Response(media_type="application/json")


def _registration(body: bytes) -> dict[str, Any]:
    document = json_text.loads(body) if body else {}
    if type(document) is not dict:
        raise InvalidInput("a shared memory register request must be a JSON object with 'key' and 'byte_size'")
    for field in ("key", "byte_size"):
        if field not in document:
            raise InvalidInput(f"Shared memory register request has no '{field}' field")
    return document


def _key(registration: dict[str, Any]) -> str:
    key = registration["key"]
    if type(key) is not str:
        raise InvalidInput(f"Unable to parse 'key': expected a string, got {brief(key)}")
    return key


def _number(registration: dict[str, Any], field: str) -> int:
    number = registration.get(field, 0)
    if type(number) is not int or not 0 <= number < 2**63:
        raise InvalidInput(f"Unable to parse '{field}': expected bytes, 0 to 2^63 - 1, got {brief(number)}")
    return number

"""How the API's documentation has people show their key. Rule: the table of routes says what needs one."""

from typing import Any

from fastapi import FastAPI

from serving.access.table import Needs, Routes

_NAME = "API key"
_SCHEMES = {_NAME: {"type": "http", "scheme": "bearer", "description": "As `slipway keys new` made it."}}


def ask_for_a_key(app: FastAPI) -> None:
    """At /docs, whose page then has a button for it, and sends it with what is tried."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        return _with_keys(plain())

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend the document


def _with_keys(document: dict[str, Any]) -> dict[str, Any]:
    routes = Routes()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needs = routes.needs(method.upper(), path)
            if isinstance(needs, Needs) and needs.scopes:
                operation["security"] = [{_NAME: []}]
    document["components"]["securitySchemes"] = _SCHEMES
    return document

"""A file as a route for people gets it: as the body, or in a form, with parameters in the query or the form.

Rule: what the form says counts more than the query; a form is meant for the route alone, a query may be for others too.
"""

from collections.abc import Collection, Mapping

from fastapi import Request
from starlette.datastructures import UploadFile

from serving.errors import InvalidInput
from serving.protocols import hosted_json
from serving.transports.http.body import plain_body


async def read_upload(request: Request, what: str, known: Collection[str]) -> tuple[bytes, Mapping[str, str]]:
    """The file or document, which is `what`, such as "an image", and the parameters, of which some are `known`."""
    query = dict(request.query_params)
    hosted_json.check_spelling(query, known)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await plain_body(request), query
    async with request.form(max_files=1, max_fields=10) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if not files:
            raise InvalidInput(f"the form has no file; send {what} as a file: curl -F file=@NAME")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        hosted_json.check_names(fields, known)
        return await files[0].read(), {**query, **fields}


def integer(parameters: Mapping[str, str], name: str) -> int | None:
    """None where it is not given."""
    text = parameters.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise InvalidInput(f"'{name}' must be an integer >= 1, got {text[:50]!r}")
    return int(text)


def number(parameters: Mapping[str, str], name: str) -> float | None:
    """None where it is not given."""
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"'{name}' must be a number, got {text[:50]!r}") from None

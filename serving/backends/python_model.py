"""The object that a model.py defines, and the calling of its methods, sync or async, from worker threads.

Rule: a sync method runs on the calling thread, an async one on the event loop that this object then owns.
"""

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from serving.backends.python_loop import LoopThread, called, log_failed_cleanup
from serving.backends.python_source import (
    CLASS,
    checked_method,
    forget,
    import_class,
    line_of,
    load_failure,
    refuse_tritons_methods,
)
from serving.errors import BackendFailed, ModelLoadFailed

_YIELDS = (
    "'execute' has a yield, so it answers a request any number of times: set "
    "model_transaction_policy { decoupled: true } in config.pbtxt, or return one dict"
)

log = logging.getLogger("slipway")


class PythonModel:
    """What the methods raise passes through, except that of `close`, which is logged."""

    def __init__(self, path: Path, name: str, context: Any, decoupled: bool) -> None:
        """Imports the file and calls `load(context)`. Raises `ModelLoadFailed`."""
        self._class = import_class(path, name)
        self._loop: LoopThread | None = None
        try:
            self._load(path, name, context, decoupled)
        except BaseException as error:
            self._free()
            if isinstance(error, ModelLoadFailed):
                raise
            raise load_failure(_origin(error), path) from error

    @property
    def is_async(self) -> bool:
        """Whether `execute` is."""
        return _is_async(self._execute)

    def execute(self, request: Any) -> Any:
        return self._result(self._execute, request)

    def responses(self, request: Any, is_cancelled: Callable[[], bool]) -> Generator[Any, None, None]:
        """Of a decoupled model, whatever the form in which it answers; closing it closes the model's generator."""
        if self._loop is not None and self.is_async:
            return self._loop.iterate(_async_responses(self._execute, request), is_cancelled)
        return _sync_responses(self._execute, request, is_cancelled)

    def close(self) -> None:
        try:
            if self._close is not None:
                self._result(self._close)
        except Exception as error:  # the server goes on, or down, all the same
            log.warning("close() of a Python model failed: %s", error, exc_info=error)
        self._free()

    def _load(self, path: Path, name: str, context: Any, decoupled: bool) -> None:
        model = self._class()
        execute = checked_method(model, "execute", ["request"], path)
        if execute is None:
            raise ModelLoadFailed(f"'{path.name}': class '{CLASS}' has no method execute(self, request)")
        if _yields(execute) and not decoupled:
            raise ModelLoadFailed(f"'{path.name}'{line_of(execute)}: {_YIELDS}")
        load = checked_method(model, "load", ["context"], path)
        self._execute = execute
        self._close = checked_method(model, "close", [], path)
        refuse_tritons_methods(model, path)
        if any(map(_is_async, (load, execute, self._close))):
            self._loop = LoopThread(f"{name}/{path.parent.name}")
        if load is not None:
            self._result(load, context)

    def _result(self, method: Callable[..., Any], *arguments: Any) -> Any:
        returned = called(method, *arguments)
        if self._loop is not None and _is_async(method):
            return self._loop.run(returned)
        if inspect.iscoroutine(returned):
            returned.close()
            raise BackendFailed("it returned a coroutine; declare the method with 'async def'")
        return returned

    def _free(self) -> None:
        if self._loop is not None:
            self._loop.close()
        forget(self._class)


def _is_async(method: Any) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


def _origin(error: BaseException) -> BaseException:
    """What the model itself raised."""
    return error.__cause__ if isinstance(error, BackendFailed) and error.__cause__ is not None else error


def _yields(method: Any) -> bool:
    return inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method)


def _sync_responses(
    execute: Callable[[Any], Any], request: Any, is_cancelled: Callable[[], bool]
) -> Generator[Any, None, None]:
    if is_cancelled():
        return
    responses = iter(_iterable(called(execute, request)))
    try:
        while not is_cancelled():
            try:
                response = called(next, responses)
            except StopIteration:
                return
            yield response
    finally:
        _close_generator(responses)


def _close_generator(responses: Any) -> None:
    """Runs its `finally` where it is suspended."""
    try:
        called(getattr(responses, "close", _nothing))
    except Exception as error:
        log_failed_cleanup(error)


async def _async_responses(execute: Callable[[Any], Any], request: Any) -> AsyncGenerator[Any, None]:
    returned = execute(request)
    if inspect.isawaitable(returned):
        returned = await returned
    if isinstance(returned, AsyncGenerator):
        async with aclosing(returned):
            async for response in returned:
                yield response
    elif isinstance(returned, AsyncIterable):
        async for response in returned:
            yield response
    else:
        for response in _iterable(returned):
            yield response


def _iterable(returned: Any) -> Iterable[Any]:
    if returned is None:
        return ()
    if isinstance(returned, Mapping):
        return (returned,)
    if isinstance(returned, Iterable) and not isinstance(returned, str | bytes):
        return returned
    raise BackendFailed(f"it returned a {type(returned).__name__}, not a dict of outputs, several of them, or None")


def _nothing() -> None:
    pass

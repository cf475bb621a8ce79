"""jinja2's sandbox for templates that came with a model, with an end to what they may do.

Rule: a template sees values and none of Python's objects behind them; each turn of a loop and each call of a macro is
a step, and steps, characters and the size of a product are limited. A template that is malicious rather than wrong can
still take memory within one of jinja2's own filters.
"""

from collections.abc import Iterable
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

MAX_STEPS = 200_000
MAX_CHARACTERS = 16 * 1024 * 1024
_MAX_BITS = 4096  # of a number
_MAX_PRODUCT = 1024 * 1024  # items of a list or a text times a number


class Budget:
    """What is left to one rendering."""

    NAME = "the budget"  # no template can have a variable of that name

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._characters = MAX_CHARACTERS

    def spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise SecurityError(f"it loops for more than {MAX_STEPS} steps")

    def count(self, text: str) -> str:
        self._characters -= len(text)
        if self._characters < 0:
            raise SecurityError(f"it writes more than {MAX_CHARACTERS} characters")
        return text


class GenerationTag(Extension):
    """`{% generation %}` marks, for training, what an assistant said; here it is what it encloses."""

    tags = {"generation"}  # noqa: RUF012 (jinja2's own annotation)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["*", "**"])

    def __init__(self, extensions: Iterable[type[Extension]] = (), **options: Any) -> None:
        super().__init__(extensions=[GenerationTag, *extensions], **options)
        self.globals["range"] = _counted_range

    @staticmethod
    def step(context: Context) -> bool:
        """True, so that it can stand before a loop's condition."""
        _budget(context).spend(1)
        return True

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not _is_modest(operator, left, right):
            raise SecurityError(f"it computes something too large with {operator}")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for loop in template.find_all(nodes.For):
            loop.body.insert(0, nodes.ExprStmt(_step()))
            if loop.test is not None:
                loop.test = nodes.And(_step(), loop.test)
        for macro in template.find_all(nodes.Macro):
            macro.body.insert(0, nodes.ExprStmt(_step()))
        return template.set_environment(self)  # type: ignore[return-value]


def _step() -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute("step"), [nodes.ContextReference()], [], None, None)


def _budget(context: Context) -> Budget:
    return context.parent[Budget.NAME]  # type: ignore[no-any-return]


@pass_context
def _counted_range(context: Context, *arguments: int) -> range:
    numbers = safe_range(*arguments)
    _budget(context).spend(len(numbers))
    return numbers


def _is_modest(operator: str, left: Any, right: Any) -> bool:
    sizes = _size(left), _size(right)
    if operator == "**":
        return not isinstance(right, int) or sizes[0] * abs(right) <= _MAX_BITS
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | list | tuple) and isinstance(times, int):
            return len(sequence) * times <= _MAX_PRODUCT
    return sum(sizes) <= _MAX_BITS


def _size(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0

import pytest
from jinja2.exceptions import SecurityError
from jinja2.ext import loopcontrols

from serving.text.template_sandbox import Budget, Sandbox


def render(source: str, **names: object) -> str:
    budget = Budget()
    template = Sandbox(extensions=[loopcontrols]).from_string(source)
    return "".join(map(budget.count, template.generate({**names, Budget.NAME: budget})))


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) if false %}{% endfor %}{% endfor %}",
        "{% set l = range(9999) | list %}{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}",
        "{% set l = range(9999) | list %}{% for i in l %}{% for j in l if false %}{% endfor %}{% endfor %}",
        "{% set l = range(99) | list %}{% for i in l recursive %}{{ loop(l) }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(99) }}",
        "{% for i in range(9999) %}{{ 'x' * 99999 }}{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 10 ** 9 * [1] }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set ns = namespace(n=9) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    ],
)
def test_what_would_not_end_is_ended(source: str) -> None:
    with pytest.raises((SecurityError, OverflowError, RecursionError)):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ render.__globals__['os'] }}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_what_lies_behind_values_is_not_reached(source: str) -> None:
    with pytest.raises(SecurityError):
        render(source, messages=[], render=render)


@pytest.mark.parametrize("source", ["{{ render.__globals__ }}", "{{ '{0.__class__}'.format(1) }}"])
def test_what_has_an_underscore_is_not_there(source: str) -> None:
    assert render(source, render=render) == ""


def test_the_budget_is_each_renderings_own() -> None:
    template = Sandbox().from_string("{% for i in range(50000) if i %}{% endfor %}ok")
    for _ in range(5):
        assert template.render({Budget.NAME: Budget()}) == "ok"


def test_loops_and_sums_are_what_they_were() -> None:
    source = "{% for i in range(3) if i %}{{ loop.index }}/{{ loop.length }}{% else %}x{% endfor %}"
    assert render(source) == "1/22/2"
    assert render("{{ 2 * 3 ** 2 * 'a' }}") == "a" * 18
    assert render("{{ 2.5 * 2 }} {{ 2 ** -1 }} {{ 2 ** 0.5 > 1 }} {{ [1] * 2 }}") == "5.0 0.5 True [1, 1]"


def test_what_was_said_by_an_assistant_is_what_the_tag_encloses() -> None:
    assert render("{% set x = 1 %}{% generation %}{% set x = 2 %}a{{ x }}{% endgeneration %}{{ x }}") == "a21"

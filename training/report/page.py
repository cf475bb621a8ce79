"""Sections as one HTML file that needs nothing else: no script, no font, no picture from anywhere.

Rule: every text of a section is escaped; plots alone are put in as they were drawn.
"""

import base64
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from training.report.section import Figure, Picture, Plot, Section

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Of what the page may load, which browsers keep to."""

_TEMPLATE = Path(__file__).with_name("page.html")
_NO_PLOTS = "The plots are missing: matplotlib is not installed (pip install 'slipway-serving[report]')."


def html(title: str, lead: str, sections: Sequence[Section]) -> bytes:
    svg = _drawing()

    def drawn(figure: Figure) -> Markup:
        return Markup(svg(figure.plot) if svg else "")  # matplotlib escapes its texts

    has_plots = any(isinstance(part, Figure) for section in sections for part in section.parts)
    text = _template().render(
        title=title,
        lead=lead,
        notes=[_NO_PLOTS] if has_plots and svg is None else [],
        sections=[section if svg else _without_plots(section) for section in sections],
        policy=POLICY,
        kind=lambda part: type(part).__name__,
        drawn=drawn,
        markup=Markup,
        address=_address,
        tint=_tint,
    )
    return text.encode("utf-8", "replace")


@cache
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _drawing() -> Callable[[Plot], str] | None:
    try:
        from training.report.figures import svg  # matplotlib is optional
    except ImportError:
        return None
    return svg


def _without_plots(section: Section) -> Section:
    return Section(section.title, tuple(part for part in section.parts if not isinstance(part, Figure)))


def _address(picture: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"


def _tint(weight: float) -> str:
    """Blue speaks for an answer, orange against it."""
    colour = "59 130 196" if weight >= 0 else "224 123 57"
    return f"rgb({colour} / {min(1.0, abs(weight)):.2f})"

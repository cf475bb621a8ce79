"""A dashboard in a few words, and how Grafana writes it.

Rule: every query goes to the data source that the reader chose, and nothing has a number that Grafana should give.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_COLUMNS = 24  # of Grafana's grid
_SCHEMA = 39  # Grafana 11's; later ones read it
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` gives each query's legend, in which `{{label}}` stands for a label's value. `kind` is Grafana's:
    timeseries, stat or heatmap, whose one query gives buckets; `unit` also, "short" for plain numbers. `most` is the
    end of the scale where it has one; in a timeseries, values are on top of one another where they are `stacked`."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    words: str = ""
    width: int = 8
    height: int = 8
    most: float | None = None
    stacked: bool = False


def stat(title: str, query: str, unit: str = "short", words: str = "", most: float | None = None) -> Panel:
    """One number."""
    return Panel(title, {"": query}, unit, "stat", words, width=3, height=4, most=most)


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """What readers choose from: the values that `label` has in `series`, which may name variables before this one."""

    name: str
    series: str
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line in every graph at the moments at which `query` has a value."""

    title: str
    query: str
    colour: str


def dashboard(
    uid: str, title: str, words: str, variables: Iterable[Variable], marks: Iterable[Mark], rows: Iterable[Row]
) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "description": words,
        "tags": [uid],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,  # the same moment is shown in all graphs
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [],
        "annotations": {"list": [_annotation(mark) for mark in marks]},
        "templating": {"list": [_data_source(), *map(_variable, variables)]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_placed(rows), 1)],
    }


def _placed(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """From left to right, and below where there is no room."""
    y = 0
    for row in rows:
        yield {
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": _place(0, y, _COLUMNS, 1),
        }
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            yield {**_panel(panel), "gridPos": _place(x, y, panel.width, panel.height)}
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel) -> dict[str, Any]:
    scale = {"min": 0} if panel.most is None else {"min": 0, "max": panel.most}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.words,
        "datasource": _SOURCE,
        "targets": [_target(panel.kind, *it) for it in zip("ABCDEFGH", panel.queries.items(), strict=False)],
        "fieldConfig": {"defaults": {"unit": panel.unit, **scale, "custom": _custom(panel)}, "overrides": []},
        "options": _options(panel),
    }


def _target(kind: str, name: str, query: tuple[str, str]) -> dict[str, Any]:
    legend, expression = query
    return {
        "refId": name,
        "datasource": _SOURCE,
        "expr": expression,
        "legendFormat": legend,
        "format": "heatmap" if kind == "heatmap" else "time_series",
        "range": True,
    }


def _custom(panel: Panel) -> dict[str, Any]:
    if panel.kind != "timeseries":
        return {}
    return {
        "fillOpacity": 25 if panel.stacked else 8,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        calculation = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": calculation, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
    if panel.kind == "heatmap":
        return {
            "calculate": False,  # the buckets are Prometheus'
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange"},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": True},
            "yAxis": {"unit": panel.unit, "axisPlacement": "left"},
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _data_source() -> dict[str, Any]:
    return {"type": "datasource", "name": "datasource", "label": "data source", "query": "prometheus", "refresh": 1}


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.series}, {variable.label})"
    return {
        "type": "query",
        "name": variable.name,
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": variable.name},
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": _ALL,
    }


def _annotation(mark: Mark) -> dict[str, Any]:
    return {
        "name": mark.title,
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": mark.colour,
        "expr": mark.query,
        "titleFormat": mark.title,
        "textFormat": "{{model}} on {{instance}}",
    }

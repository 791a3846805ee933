"""Fills the templates: everything is escaped, and figures are as short as they are certain."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse

from rewardsmith import __version__, report
from rewardsmith.records import Score
from rewardsmith.web.charts import Chart
from rewardsmith.web.guard import CSRF_HEADER, Rules

_FOLDER = Path(__file__).parent / "templates"


class Templates:
    """Call it with a template's name and what it shows."""

    def __init__(self, rules: Rules) -> None:
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters |= {
            "number": number,
            "count": "{:,}".format,
            "scored": scored,
            "duration": duration,
            "usd": usd,
            "ago": ago,
            "elapsed": elapsed,
            "data": data,
        }
        self._jinja.globals |= {
            "csrf": rules.csrf,
            "csrf_header": CSRF_HEADER,
            "read_only": rules.read_only,
            "version": __version__,
        }

    def __call__(self, name: str, **shown: object) -> HTMLResponse:
        return HTMLResponse(self._jinja.get_template(name).render(**shown))


def number(value: float | None) -> str:
    """As in the tables of a terminal; a dash where there is none."""
    if value is None:
        return "–"
    return report.number(value)


def scored(score: Score | None) -> str:
    """`4.2 [3.9, 4.5]`."""
    if score is None:
        return "–"
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def usd(cost: float | None) -> str:
    """What is unknown is called so."""
    return "unknown" if cost is None else f"{cost:.4f} USD" if cost else "0 USD"


def elapsed(moment: str) -> str:
    """`5 min 3 s`, since an ISO time."""
    passed = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(moment)
    return duration(passed.total_seconds())


def ago(moment: str) -> str:
    """`5 min 3 s ago`."""
    return f"{elapsed(moment)} ago"


def data(chart: Chart) -> str:
    """A chart for the attribute that the script reads; the template escapes it."""
    return json.dumps(finite(chart.model_dump()))


def finite(content: Any) -> Any:
    """The same, with None for what JSON has no word for."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return content

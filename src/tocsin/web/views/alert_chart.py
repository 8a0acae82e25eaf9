"""The chart of an alert: its image, and the spec from which the browser draws it live."""

from __future__ import annotations

import hashlib

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from tocsin.alerts import facade as alerts
from tocsin.core.errors import UserError
from tocsin.web import charts, signals, source
from tocsin.web.charts import Line
from tocsin.web.shell import Seen, signed_in

WIDTH, HEIGHT = 620, 200
# An image brings its own few rules for light and dark; it can do nothing else.
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@signed_in
def image(request: Seen, alert_id: int) -> HttpResponse:
    """The chart as SVG."""
    return svg(request, _line(alert_id), width=WIDTH, height=HEIGHT)


@signed_in
def spec(request: Seen, alert_id: int) -> HttpResponse:
    """The chart as a Vega-Lite spec."""
    return json(request, _line(alert_id), height=HEIGHT)


def svg(request: HttpRequest, line: Line, *, width: int, height: int) -> HttpResponse:
    """The answer with a chart's image; 304 where the browser has it."""
    answer = tagged(request, charts.svg(line, source.zone(), width=width, height=height).encode(), "image/svg+xml")
    answer.headers["Content-Security-Policy"] = IMAGE_POLICY
    return answer


def json(request: HttpRequest, line: Line, *, height: int) -> HttpResponse:
    """The answer with a chart's spec; 304 where the browser has it."""
    return tagged(request, msgspec.json.encode(charts.line_spec(line, source.zone(), height=height)), "application/json")


def tagged(request: HttpRequest, body: bytes, kind: str) -> HttpResponse:
    """The answer with a body that the browser keeps and asks about; 304 where it has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, content_type=kind, headers={"Cache-Control": "private, no-cache", "ETag": tag})
    found = get_conditional_response(request, etag=tag, response=answer)
    return found if isinstance(found, HttpResponse) else answer


def _line(alert_id: int) -> Line:
    try:
        line = signals.line_of_alert(alerts.alert(str(alert_id)), source.now())
    except UserError as error:
        raise Http404(str(error)) from error
    if line is None:
        raise Http404("this alert has no chart")
    return line

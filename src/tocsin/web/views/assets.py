"""Scripts that are made rather than kept: Vega for the browser."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from tocsin.web import charts


def _tag(_request: HttpRequest) -> str:
    return f'"{hashlib.sha256(charts.browser_bundle()).hexdigest()[:32]}"'


@require_safe
@condition(etag_func=_tag)
def vega(_request: HttpRequest) -> HttpResponse:
    """Vega, Vega-Lite and vega-embed as one module; the browser keeps it for a day and then asks whether it changed."""
    return HttpResponse(
        charts.browser_bundle(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "public, max-age=86400"},
    )

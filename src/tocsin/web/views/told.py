"""What one was told within the product: messages at once and digests, the latest first. Looking at them marks them as seen."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from tocsin.delivery import facade as delivery
from tocsin.web import source
from tocsin.web.shell import Seen, page, signed_in


@require_GET
@signed_in
def told(request: Seen) -> HttpResponse:
    """The page."""
    messages = delivery.in_app(request.user.email)
    answer = page(request, "tocsin/told.html", "told", {"told": messages})
    delivery.mark_seen(request.user.email, moment=source.now())
    return answer

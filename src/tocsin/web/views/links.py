"""Signed links of messages: a page that asks, and the act itself; and what people press in Slack."""

from __future__ import annotations

import threading

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.core.errors import UserError
from tocsin.delivery import facade as delivery
from tocsin.web import source

LONGEST_BODY = 512 * 1024


@never_cache
@csrf_exempt  # the link is the proof: signed, for one person and act; and browsers within mail programs keep no cookies
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link does; its button does it. Nothing happens on following it, as programs that scan mail do so too."""
    moment = source.now()
    try:
        opened = delivery.follow_link(token, moment=moment)
        if request.method != "POST" or opened.over:
            words = delivery.LINK_ACTS[opened.link.act]
            return render(request, "tocsin/link.html", {"now": moment, "opened": opened, "words": words})
        outcome, note = request.POST.get("outcome", ""), request.POST.get("note", "")
        done = delivery.act_by_link(token, moment=moment, outcome=outcome, note=note)
    except delivery.DeadLinkError as error:
        return render(request, "tocsin/link_dead.html", {"title": error.title, "reason": str(error)}, status=410)
    except UserError as error:
        sentence = str(error)
        reason = f"{sentence[:1].upper()}{sentence[1:]}."
        return render(request, "tocsin/link_dead.html", {"title": "That did not work", "reason": reason}, status=409)
    return render(request, "tocsin/link_done.html", {"now": moment, "done": done})


@csrf_exempt  # it comes from Slack, signed
@require_POST
def slack(request: HttpRequest, name: str) -> HttpResponse:
    """Take what was pressed in Slack; it is answered at once, and the message is brought up to date afterwards."""
    body = request.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        return HttpResponse("too large\n", status=413, content_type="text/plain")
    stamp, given = (request.headers.get(each, "") for each in ("X-Slack-Request-Timestamp", "X-Slack-Signature"))
    try:
        later = delivery.slack_pressed(name, stamp, given, body, source.now())
    except delivery.UnknownSlackError:
        return HttpResponse("there is no such channel\n", status=404, content_type="text/plain")
    except delivery.ForgedError:
        return HttpResponse("the signature is wrong, or old\n", status=401, content_type="text/plain")
    except UserError as error:
        return HttpResponse(f"{error}\n", status=400, content_type="text/plain")
    for each in later:
        threading.Thread(target=each, name="slack", daemon=True).start()
    return HttpResponse(status=200)

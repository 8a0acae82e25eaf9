"""Signing in and out."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.web import charts, source


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; a POST starts the session and goes where the person wanted to."""
    target = _target(request)
    if request.user.is_authenticated:
        return redirect(target)
    email, error, status = request.POST.get("email", "").strip(), "", 200
    if request.method == "POST":
        try:
            begun = people.sign_in(request, email, request.POST.get("password", ""), moment=source.now(), target=target)
            if begun is not None:
                charts.warm_soon()
                return begun
            error = "That e-mail and password do not belong together. Check both and try again."
        except people.TooManyAttemptsError as refusal:
            error, status = f"{str(refusal)[:1].upper()}{str(refusal)[1:]}.", 429
    return render(
        request, "tocsin/sign_in.html", {"email": email, "error": error, "next": target, "provider": provider()}, status=status
    )


@never_cache
@require_http_methods(["GET"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Follow a one-time link: it signs in and goes to the first page; one that no longer works says so."""
    try:
        begun = people.sign_in_with_link(request, token, moment=source.now(), target=reverse("web:alerts"))
    except UserError:
        if request.user.is_authenticated:  # the link was followed twice in one browser
            return redirect("web:alerts")
        return render(request, "tocsin/link_gone.html", {"reason": "This one was used already, or is too old."}, status=410)
    charts.warm_soon()
    return begun


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def set_password(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a password by a one-time link."""
    moment, error = source.now(), ""
    holder = people.link_holder(token, moment=moment, purpose="set-password")
    if holder is None:
        return render(request, "tocsin/link_gone.html", {"reason": "This one was used already, or is too old."}, status=410)
    if request.method == "POST":
        try:
            given, target = request.POST.get("password", ""), reverse("web:alerts")
            return people.set_password_with_link(request, token, given, moment=moment, target=target)
        except UserError as refusal:
            error = str(refusal)
    return render(request, "tocsin/set_password.html", {"person": holder, "error": error})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    people.sign_out(request)
    return redirect("web:sign-in")


def _target(request: HttpRequest) -> str:
    """Where to go after signing in: a page of ours, else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and ours else reverse("web:alerts")


def provider() -> str:
    """What the identity provider is called; '' where none is set up."""
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    return str(apps[0]["name"]) if apps else ""

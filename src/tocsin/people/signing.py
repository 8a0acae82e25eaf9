"""Signing in by django-allauth's flows, so that second factors are asked for however somebody comes in.

Nobody signs up: who comes by the identity provider is a user already, known by the e-mail address that the provider has
confirmed, or (where TOCSIN_OIDC_CREATE names a role) becomes one with that role.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from tocsin.people.models import User, normal_email


def begin(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """Start the session of a user whose proof was good, after their second factor where they have one; then to `target`."""
    with context.request_context(request):
        record_authentication(request, user, method="password")  # so that it counts as recent where that is asked for
        answer: HttpResponse = perform_login(request, Login(user=user, redirect_url=target))
    return answer


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No sign-up, no messages of its own, no mails."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's
        """Users are made by administrators and files."""
        return False

    def add_message(self, *_: Any, **__: Any) -> None:
        """The pages say what happened themselves."""

    def send_mail(self, *_: Any, **__: Any) -> None:
        """Nobody is written to about their own acts."""

    def pre_login(self, request: HttpRequest, user: User, **hooks: Any) -> HttpResponse | None:
        """Those who were shut out stay out."""
        if not user.is_active:
            return refused(request, "You are no longer active here; ask an administrator.")
        found: HttpResponse | None = super().pre_login(request, user, **hooks)
        return found


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are encrypted with the workspace's key; no mails."""

    def encrypt(self, text: str) -> str:
        """For the database."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """From the database."""
        return _box().decrypt(encrypted_text.encode()).decode()

    def send_notification_mail(self, *_: Any, **__: Any) -> None:
        """Nobody is written to about their own acts."""


def _box() -> Fernet:
    key = hashlib.sha256(b"tocsin second factors " + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The identity provider says who somebody is; we know whether they may come in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        """Never by a form; see `pre_social_login`."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the user by the confirmed address; refuse whoever is none."""
        if sociallogin.is_existing:
            return
        email = confirmed(sociallogin)
        if not email:
            raise ImmediateHttpResponse(refused(request, "The identity provider does not confirm your e-mail address."))
        user = User.objects.filter(email=email).first()
        if user is None and settings.TOCSIN_OIDC_CREATE:
            name = str(sociallogin.account.extra_data.get("name") or email)[:200]
            user = User(email=email, name=name, role=settings.TOCSIN_OIDC_CREATE, created_at=timezone.now())
            user.set_unusable_password()
            user.save()
        if user is None:
            raise ImmediateHttpResponse(refused(request, f"{email} is no user here; ask an administrator."))
        sociallogin.connect(request, user)


def confirmed(sociallogin: SocialLogin) -> str:
    """The address that the provider says is theirs and confirmed; '' where there is none."""
    given = sociallogin.account.extra_data
    claims = given.get("userinfo") or given.get("id_token") or given
    return normal_email(str(claims.get("email") or "")) if claims.get("email_verified") is True else ""


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """Back to the sign-in page, with a sentence."""
    messages.error(request, sentence)
    return redirect("web:sign-in")

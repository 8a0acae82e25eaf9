"""Signing in with an e-mail address and a password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from tocsin.people.models import User, normal_email

_nobody = ""


class EmailBackend(BaseBackend):
    """Knows users by e-mail; takes the same time for an unknown address as for a wrong password."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:  # noqa: ARG002 - Django's
        """The active user whose password it is, else None."""
        email, password = credentials.get("email"), credentials.get("password")
        if not isinstance(email, str) or not isinstance(password, str):
            return None
        user = User.objects.filter(email=normal_email(email), is_active=True).first()
        if user is None:
            check_password(password, _hash_of_nobody())
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        """The active user of that key."""
        return User.objects.select_related("team").filter(pk=user_id, is_active=True).first()


def _hash_of_nobody() -> str:
    global _nobody  # noqa: PLW0603 - made once: making it costs as much as checking it
    _nobody = _nobody or make_password("nobody's password")
    return _nobody

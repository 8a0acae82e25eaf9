"""Who calls: a program with a key, as far as its scopes reach; or a person whose browser is signed in, as their role may."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja.security import APIKeyCookie, HttpBearer
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from tocsin import serving
from tocsin.alerts.facade import Alert
from tocsin.api.problems import ApiError
from tocsin.people import facade as people
from tocsin.people.facade import KeyInfo

EVERYBODY = frozenset(people.ROLES)
# What a scope allows to a key, these roles may do by their session, unless an operation says otherwise.
ROLES: Mapping[str, frozenset[str]] = {
    "read": EVERYBODY,
    "alerts:write": people.ACTS,
    "rules:write": people.RUNS,
    "people:write": people.RUNS,
    "delivery:write": people.RUNS,
    "admin": frozenset({"admin"}),
}
ADMIN = "admin"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class Caller(HttpRequest):
    """A request of somebody who may ask. key: of a program, None of a person; email, role: of a person, '' of a program.

    by: the name under which acts are recorded. moment: of the request, the only reading of the clock.
    """

    key: KeyInfo | None
    email: str
    role: str
    by: str
    moment: datetime


class Key(HttpBearer):
    """A bearer key of kind api with a scope. The scope `admin` allows everything."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The key. ApiError 403 where its scopes do not reach; None (401) where there is no such key."""
        moment = serving.now()
        key = people.key_for(token, moment)
        if key is None or key.kind != "api":
            return None
        if self.scope not in key.scopes and ADMIN not in key.scopes:
            raise ApiError(403, f"the key {key.name!r} lacks the scope {self.scope}; it has {', '.join(key.scopes)}")
        return _noted(request, moment, f"api:{key.name}", key=key)


class Session(APIKeyCookie):
    """The session of a browser. What may change something carries the CSRF token of the cookie in the header X-CSRFToken."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, roles: frozenset[str]) -> None:
        super().__init__()
        self.roles = roles

    def __call__(self, request: HttpRequest) -> Any:
        """The person. ApiError 403 without the token, or where their role does not reach; None (401) where nobody is signed in.

        Where a key was sent, only the key counts: one that is wrong is not made good by whoever happens to be signed in.
        """
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        if request.content_type in FORMS:  # looking for the token in it would use the body up; nor does a page's form get here
            raise ApiError(
                400, "a form is not read here; send JSON, with Content-Type: application/json, or a file as the body itself"
            )
        if check_csrf(request) is not None:
            raise ApiError(403, "send the CSRF token of this session in the header X-CSRFToken, from an address of this server")
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:  # noqa: ARG002 - the cookie was read by Django
        """The person, as far as their role reaches."""
        user: Any = request.user
        if user.role not in self.roles:
            raise ApiError(403, f"the role {user.role} may not do this; it takes one of {', '.join(_in_order(self.roles))}")
        get_token(request)  # the cookie goes with the answer, so that a program of the page can send it back
        return _noted(request, serving.now(), user.email, email=user.email, role=user.role)


def may(scope: str, roles: frozenset[str] | None = None) -> list[AuthBase]:
    """Who may call an operation: keys with the scope, and people of these roles (None: those that the scope is meant for)."""
    return [Key(scope), Session(ROLES[scope] if roles is None else roles)]


def sees_csms(request: Caller) -> bool:
    """Whether the caller sees alerts about the performance of every CSM."""
    return ADMIN in request.key.scopes if request.key else request.role in people.LEADS


def sees(request: Caller, alert: Alert | None) -> bool:
    """Whether there is such an alert for the caller: those about a CSM are for that CSM and for those who lead."""
    if alert is None or alert.subject_kind != "csm" or sees_csms(request):
        return alert is not None
    return not request.key and people.sees_csm(request.role, request.email, alert.subject_id)


def looking_as(request: Caller) -> str:
    """The `seen_by` of a filter of alerts."""
    if request.key:
        return "" if sees_csms(request) else people.NOBODY
    return people.looking_as(request.role, request.email)


def _noted(
    request: Any, moment: datetime, by: str, *, key: KeyInfo | None = None, email: str = "", role: str = ""
) -> KeyInfo | str:
    """Write down on the request who calls; gives what stands for them, which is never empty."""
    request.key, request.email, request.role, request.by, request.moment = key, email, role, by, moment
    return key or email


def _in_order(roles: frozenset[str]) -> list[str]:
    return [role for role in people.ROLES if role in roles]

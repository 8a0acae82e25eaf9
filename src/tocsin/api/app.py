"""The interface as a whole: its routers, its errors, and its document."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from tocsin.api import alerts, delivery, facts, governing, health, imports, merged, people, pulls, rules, sources, together
from tocsin.api.parsing import Reader
from tocsin.api.problems import MEDIA, ApiError, placed, problem
from tocsin.core.errors import UserError

ABOUT = """
What Tocsin knows and does, for programs. Send a key as `Authorization: Bearer ta_...` (`tocsin keys create --kind api`).
A browser that is signed in needs no key: its session counts, and what may change something carries the token of the cookie
`tocsin_csrf` in the header `X-CSRFToken`. Times are ISO 8601 in UTC.
Lists that grow are paged by a cursor: send `next` back as `cursor` until it is null.
Errors are `application/problem+json` (RFC 9457).
"""


class Api(NinjaAPI):
    """NinjaAPI whose document says that errors are problems."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The document."""
        schema = super().get_openapi_schema(**options)
        for methods in schema["paths"].values():
            for operation in methods.values():
                for status, answer in operation["responses"].items():
                    content = answer.get("content")
                    if content and int(status) >= 400:
                        answer["content"] = {MEDIA: content.pop("application/json", {})}
        return schema


api = Api(title="Tocsin", version=version("tocsin"), description=ABOUT, urls_namespace="api", docs_url=None, parser=Reader())
api.add_router("", together.router, tags=["alerts"])
api.add_router("", alerts.router, tags=["alerts"])
api.add_router("", facts.router, tags=["facts"])
api.add_router("", merged.router, tags=["facts"])
api.add_router("", health.router, tags=["health"])
api.add_router("", rules.router, tags=["rules"])
api.add_router("", people.router, tags=["people"])
api.add_router("", delivery.router, tags=["delivery"])
api.add_router("", sources.router, tags=["sources"])
api.add_router("", pulls.router, tags=["sources"])
api.add_router("", governing.router, tags=["sources"])
api.add_router("", imports.router, tags=["imports"])


@api.exception_handler(ApiError)
def _api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return problem(request, error.status, error.detail, error.errors)


@api.exception_handler(UserError)
def _user_error(request: HttpRequest, error: UserError) -> HttpResponse:
    """What is missing is not found where the path names it; what a body names is wrong there."""
    text = " ".join(str(error).split())
    in_path = [str(each) for each in request.resolver_match.kwargs.values()] if request.resolver_match else []
    missing = text.startswith("there is no ") and any(repr(each) in text or each in text for each in in_path)
    return problem(request, 404 if missing else 422, text)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = placed(error.errors)
    return problem(request, 422, f"what was sent is wrong in {len(errors)} place{'s' if len(errors) > 1 else ''}", errors)


@api.exception_handler(AuthenticationError)
def _unknown_key(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return problem(request, 401, "send a valid key of kind api as `Authorization: Bearer ta_...`, or sign in in this browser")


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    told = error.__context__
    if isinstance(told, ApiError):  # of reading the body, for which Ninja has a sentence of its own
        return problem(request, told.status, told.detail)
    return problem(request, error.status_code, str(error))


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return problem(request, 404, "there is nothing at this path")

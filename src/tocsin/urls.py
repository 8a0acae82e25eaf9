"""The addresses of pages. `/healthz`, `/readyz` and the command line's door are the server's own (see `tocsin.asgi`)."""

from django.urls import include, path

urlpatterns = [path("", include("tocsin.web.urls"))]

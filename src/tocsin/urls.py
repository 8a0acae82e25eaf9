"""The addresses of pages and of the interface. `/healthz`, `/readyz` and the command line's door are the server's own.

(See `tocsin.asgi`.)
"""

from django.urls import include, path

from tocsin.api.app import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("account/", include("tocsin.people.urls")),
    path("", include("tocsin.web.urls")),
]

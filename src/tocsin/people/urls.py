"""The addresses of second factors, passkeys and the identity provider: allauth's, without its sign-up and passwords."""

from allauth.account import views
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("login/", RedirectView.as_view(pattern_name="web:sign-in", query_string=True), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("confirm/", views.reauthenticate, name="account_reauthenticate"),
    path("factors/", include("allauth.mfa.urls")),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("provider/", include("allauth.socialaccount.urls")),
]

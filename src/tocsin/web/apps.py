"""The app's registration with Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The pages."""

    name = "tocsin.web"
    label = "web"

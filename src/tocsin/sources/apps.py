"""The app's registration with Django."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    """Sources."""

    name = "tocsin.sources"
    label = "sources"

"""The app's registration with Django."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """Health."""

    name = "tocsin.health"
    label = "health"

"""The app's registration with Django."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts."""

    name = "tocsin.alerts"
    label = "alerts"

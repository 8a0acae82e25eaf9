"""The app's registration with Django."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Delivery."""

    name = "tocsin.delivery"
    label = "delivery"

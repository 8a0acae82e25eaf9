"""The app's registration with Django."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Delivery."""

    name = "tocsin.delivery"
    label = "delivery"

    def ready(self) -> None:
        """From now on every change of an alert is heard, inside of its transaction."""
        from tocsin.alerts.announce import register
        from tocsin.delivery.enqueue import enqueue

        register(enqueue)

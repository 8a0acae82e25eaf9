"""The app's registration with Django."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from tocsin.alerts.facade import TransitionNotice


def hear(notices: Sequence[TransitionNotice]) -> None:
    """Leave in the ledger what changes of alerts are to be told. All of delivery is loaded with the first one."""
    from tocsin.delivery.enqueue import enqueue

    enqueue(notices)


class DeliveryConfig(AppConfig):
    """Delivery."""

    name = "tocsin.delivery"
    label = "delivery"

    def ready(self) -> None:
        """From now on every change of an alert is heard, inside of its transaction."""
        from tocsin.alerts.announce import register

        register(hear)

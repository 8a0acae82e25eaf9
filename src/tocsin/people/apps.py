"""The app's registration with Django."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """People."""

    name = "tocsin.people"
    label = "people"

"""People on our side: teams, users, their one-time links, and failed attempts to sign in."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from tocsin.core.once import forget

EVERYONE = "people.everyone"  # under which a request keeps who there is


class Role(models.TextChoices):
    """What a user may do; from the most to the least."""

    ADMIN = "admin", "Administrator"
    OPERATIONS = "operations", "CS operations"
    LEADER = "leader", "CS leader"
    CSM = "csm", "CSM"
    VIEWER = "viewer", "Viewer"


class Team(models.Model):
    """A team of CSMs. `manager` is the e-mail address that the facts give, whether or not that person is a user."""

    name = models.CharField(max_length=200, unique=True)
    manager = models.CharField(max_length=254, blank=True, default="")
    churn_tolerance = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail address, case ignored."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of that e-mail address."""
        return self.get(email=normal_email(username or ""))


class User(AbstractBaseUser):
    """Someone on our side: signs in with an e-mail address, or is only known from the facts (no usable password).

    preferences: what of `shapes.Preferences` they chose; what is left out has its default.
    """

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="users")
    is_active = models.BooleanField(default=True)
    capacity = models.FloatField(null=True, blank=True)
    churn_tolerance = models.FloatField(null=True, blank=True)
    preferences = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering: ClassVar = ["name", "email"]

    def __str__(self) -> str:
        return self.name or self.email


@receiver((post_save, post_delete), sender=Team)
@receiver((post_save, post_delete), sender=User)
def _changed(**_: object) -> None:
    """A request that changes who there is sees it."""
    forget(EVERYONE)


class SignInLink(models.Model):
    """A link that signs its user in, or lets them set a password: once, until it expires. Only its hash is kept."""

    class Purpose(models.TextChoices):
        """What following the link does."""

        SIGN_IN = "sign-in"
        SET_PASSWORD = "set-password"  # noqa: S105 - the name of a purpose

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="links")
    hash = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} for {self.user_id}"


class FailedSignIn(models.Model):
    """A failed attempt, by whom it was tried (the hash of the address) and from where; old ones are removed."""

    who = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["who", "at"]), models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"


class Away(models.Model):
    """A time in which somebody is away. stand_in: e-mail of who is told meanwhile, '' for nobody."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="away")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    stand_in = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["begins_at"]

    def __str__(self) -> str:
        return f"{self.user_id} until {self.ends_at}"


class ApiKey(models.Model):
    """A key for programs. Only its hash is kept; a revoked one stays, so that what it did can be told."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10)
    hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class PeopleChange(models.Model):
    """The audit of people: who changed what of whom, when."""

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=254)
    act = models.CharField(max_length=40)
    what = models.CharField(max_length=400)
    detail = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.act} {self.what}"


def normal_email(email: str) -> str:
    """The address as it is kept and compared: trimmed, in lower case."""
    return email.strip().lower()

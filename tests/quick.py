"""Passwords that are hashed in no time."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """The product's way to keep a password, without the cost that is there for those who guess."""

    time_cost, memory_cost, parallelism = 1, 64, 1

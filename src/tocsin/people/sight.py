"""Who sees alerts about a CSM's own performance: those who lead and, unless the workspace says otherwise, that CSM."""

from __future__ import annotations

from django.conf import settings

LEADS = frozenset({"admin", "operations", "leader"})  # who may decide for many accounts, and sees how colleagues do
RUNS = frozenset({"admin", "operations"})  # who sets the product up and puts data right
ACTS = LEADS | {"csm"}  # who may acknowledge, snooze and resolve
NOBODY = "(nobody)"  # as the address of who looks: no alert is about them, as it is no address


def only_leaders() -> bool:
    """Whether a CSM does not even see what is said about themselves (`TOCSIN_CSM_ALERTS=leaders`)."""
    return str(settings.TOCSIN_CSM_ALERTS) == "leaders"


def sees_csm(role: str, email: str, subject: str) -> bool:
    """Whether somebody of that role sees an alert about that CSM."""
    return role in LEADS or (email == subject and not only_leaders())


def looking_as(role: str, email: str) -> str:
    """The `seen_by` of a filter of alerts: '' sees all; an address sees what is about itself."""
    return "" if role in LEADS else NOBODY if only_leaders() else email

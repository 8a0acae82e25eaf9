"""Who is meant: the ids that the customer's own product gave come before those that Intercom made."""

from __future__ import annotations

from tocsin.ingest.hooks.fields import Fields


def person_of(contact: Fields) -> str:
    """The id of a contact (in old versions of the API: a user) among the people."""
    own = contact.maybe_key("external_id") or contact.maybe_key("user_id")
    return own or f"intercom:{contact.key('id')}"


def account_of(company: Fields) -> str | None:
    """The id of a company among the accounts; a contact names its companies by Intercom's id alone, which is an alias."""
    return company.maybe_key("company_id") or company.maybe_key("id")


def company_of(thing: Fields) -> str | None:
    """The account that a contact or a conversation belongs to: its first company. None where it names none."""
    single = thing.raw("company")
    if isinstance(single, dict):
        return account_of(thing.object("company"))
    held = thing.raw("companies")
    if isinstance(held, list):
        companies = thing.objects("companies")
    elif isinstance(held, dict):
        inner = thing.object("companies")
        companies = inner.objects("data") or inner.objects("companies")
    else:
        return None
    return next((found for each in companies if (found := account_of(each))), None)

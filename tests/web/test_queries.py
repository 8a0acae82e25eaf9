"""No page asks more of the operational database in a larger workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.bench.large import PAGES
from tests.web.conftest import NOW, SignedIn
from tests.web.test_inbox import Swept
from tocsin.alerts.models import AccountSnapshot, Episode, Transition
from tocsin.health import facade as health
from tocsin.people import facade as people
from tocsin.web import source


def _grow(number: int, first: int = 0) -> None:
    """So many more accounts with alerts, one open, one seen to and one closed, with their timelines, and people."""
    for place in range(first, first + number):
        account = AccountSnapshot.objects.create(
            id=f"more-{place}", name=f"More {place}", owner="maya@quill.example", as_of=NOW
        )
        like = Episode.objects.filter(account__isnull=False).exclude(account__id__startswith="more-")[place % 4]
        for state, closed in (("open", None), ("acknowledged", None), ("closed", NOW)):
            like.key = state
            like.pk, like.account, like.subject_id, like.state, like.closed_at = None, account, account.id, state, closed
            like.opened_at = NOW - timedelta(days=place)
            like.save(force_insert=True)
            Transition.objects.create(episode=like, at=NOW, kind="opened", by="sweep")
        people.create_user(f"more{place}@quill.example", f"More {place}", "csm", moment=NOW)


def test_a_larger_workspace_costs_no_page_more_queries(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    alert = swept["halden", "usage-drop"]
    known = {"running": alert.id, "closed": alert.id, "rule": alert.rule, "account": "halden"}
    addresses = [address.format(**known) for address in PAGES.values()]

    def asked() -> dict[str, int]:
        found = {}
        for address in addresses:
            client.get(address)  # what is kept for a minute is made
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200, address
            found[address] = len(queries)
        return found

    _grow(4)
    health.rebuild(source.book(), NOW)  # else the first page that wants scores has them made beside
    few = asked()
    _grow(40, 4)
    many = asked()
    grown = {address: (few[address], many[address]) for address in addresses if many[address] > few[address]}
    assert grown == {}
    assert max(many.values()) <= 24


@pytest.mark.parametrize("page", [1, 2, 99])
def test_every_page_of_the_inbox_costs_the_same(signed_in: SignedIn, swept: Swept, page: int) -> None:
    client = signed_in("ada")
    _grow(70)
    client.get("/alerts/")
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/alerts/?page={page}")
    assert len(queries) <= 16

"""The data pages about sources: what their words mean, who has the say in a field, keys, webhooks; and that rules follow."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.web import test_data
from tests.web.conftest import NOW, SignedIn
from tests.web.test_data import FORM, acts, read, stored, told
from tocsin import workspace
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.shapes import Arrivals, Row
from tocsin.facts.live.taking import Taker
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits
from tocsin.people import facade as people
from tocsin.people.models import User
from tocsin.sources import facade as sources
from tocsin.sources import trying
from tocsin.sources.trying import Tried

facts, ada = test_data.facts, test_data.ada
STAGE = {"place": "tickets.priority", "given": "P1", "meant": "critical", "source": ""}


@pytest.fixture
def heard(here: workspace.Workspace) -> list[bool]:
    """One entry for each time that rules are to be judged anew."""
    found: list[bool] = []
    here.listen(lambda: found.append(True))
    return found


@pytest.fixture
def olga(signed_in: SignedIn) -> Client:
    """The client of somebody of operations."""
    User.objects.filter(email="olga@quill.example").update(role="operations")
    return signed_in("olga")


def arrive(facts: DuckStore, *rows: tuple[str, dict[str, Any]], source: str) -> None:
    """Rows as a webhook gives them."""
    given = Arrivals(rows=[Row(name, values, source, NOW) for name, values in rows])
    Taker(facts, lambda waiting: again(waiting, Limits())).take(given, None, NOW)


def test_words_are_mapped_and_taken_back(ada: Client, facts: DuckStore) -> None:
    ticket = {"id": "t7", "account_id": "halden", "opened_at": "2026-03-01T00:00:00Z", "priority": "P<1>"}
    arrive(facts, ("tickets", ticket), source="src_x")
    text = read(ada, "values/")
    assert "P&lt;1&gt;" in text
    assert '<td class="num">1</td>' in text
    answer = ada.post("/data/values/say/", {**STAGE, "given": "P<1>"}, follow=True)
    assert "P&lt;1&gt; means critical in all that comes from now on" in told(answer)
    assert "means critical in what comes from now on; these rows were stored before" in read(ada, "values/")
    arrive(facts, ("tickets", {**ticket, "id": "t8"}), source="src_x")
    assert stored(facts, "SELECT priority FROM tickets WHERE id = 't8'") == [{"priority": "critical"}]
    assert acts() == [("ada@quill.example", "value mapped", "tickets.priority: P<1>")]
    assert "give a word, or say" in told(ada.post("/data/values/say/", {**STAGE, "meant": ""}, follow=True))
    assert "means nothing" in told(ada.post("/data/values/say/", {**STAGE, "meant": "", "nothing": "1"}, follow=True))
    assert "not there any more" in told(ada.post("/data/values/say/", {**STAGE, "source": "src_gone"}, follow=True))
    assert "stands for itself" in told(ada.post("/data/values/forget/", STAGE, follow=True))
    assert "is said of" in told(ada.post("/data/values/forget/", STAGE, follow=True))


def test_fields_are_given_to_a_source(ada: Client, facts: DuckStore, heard: list[bool]) -> None:
    made = sources.create_source("generic", "The CRM", by="ada@quill.example", moment=NOW).what
    assert "The CRM" in read(ada, "fields/")
    answer = ada.post("/data/fields/give/", {"collection": "accounts", "of.owner": made.id, "of.tier": ""}, follow=True)
    assert told(answer) == "1 field of accounts changed: owner"
    assert heard
    arrive(facts, ("accounts", {"id": "halden", "owner": "crm@x.example"}), source=made.id)
    arrive(facts, ("accounts", {"id": "halden", "owner": "other@x.example"}), source="src_other")
    assert stored(facts, "SELECT owner FROM accounts WHERE id = 'halden'") == [{"owner": "crm@x.example"}]
    text = read(ada, "fields/")
    assert f'<option value="{made.id}" selected>' in text
    assert '1 value</span> <span class="muted">of src_other' in text
    assert acts()[0] == ("ada@quill.example", "system of record", "accounts.owner")
    assert "is already" in told(ada.post("/data/fields/give/", {"collection": "accounts", "of.owner": made.id}, follow=True))
    wrong = {"collection": "accounts", "of.owner": "src_nonsense"}
    assert "not there any more" in told(ada.post("/data/fields/give/", wrong, follow=True))
    assert "only fields of" in told(ada.post("/data/fields/give/", {"collection": "events"}, follow=True)).lower()
    sources.delete_source("The CRM", by="ada@quill.example", moment=NOW)
    assert f"{made.id}, which is removed" in read(ada, "fields/")


def test_a_key_is_shown_once_with_how_it_is_used(ada: Client, settings: Any) -> None:
    answer = ada.post("/data/keys/", {"name": "website", "kind": "write"})
    text = answer.content.decode()
    secret = text.partition('<code class="secret">')[2].partition("</code>")[0]
    assert answer["Cache-Control"] == "no-store"
    assert people.key_for(secret, NOW) is not None
    assert text.count(secret) == 3, "and in both snippets"
    assert "http://testserver/v1/batch" in text
    settings.TOCSIN_PUBLIC_URL = "https://tocsin.quill.example"
    text = read(ada, "keys/")
    assert secret not in text
    assert "https://tocsin.quill.example/v1/batch" in text
    assert "WRITE_KEY" in text
    twice = ada.post("/data/keys/", {"name": "website", "kind": "write"})
    assert twice.status_code == 422
    assert "there is a key" in told(twice).lower()
    assert 'value="website"' in twice.content.decode(), "what was typed stays"
    api = ada.post("/data/keys/", {"name": "report", "kind": "api", "scopes": ["read", "admin"]})
    assert "read, admin" in api.content.decode()
    [website] = [each for each in people.list_keys() if each.name == "website"]
    assert "opens nothing any more" in told(ada.post("/data/keys/revoke/", {"id": website.id}, follow=True))
    assert "Revoked: website" in read(ada, "keys/")
    assert people.key_for(secret, NOW) is None


def test_operations_make_write_keys_only(olga: Client) -> None:
    people.create_key("theirs", "api", by="ada@quill.example", moment=NOW)
    text = read(olga, "keys/")
    assert "theirs" in text
    assert 'value="api"' not in text
    assert olga.post("/data/keys/", {"name": "site", "kind": "write"}).status_code == 200
    assert olga.post("/data/keys/", {"name": "more", "kind": "api", "scopes": ["admin"]}).status_code == 403
    keys = {each.name: each.id for each in people.list_keys()}
    assert olga.post("/data/keys/revoke/", {"id": keys["theirs"]}).status_code == 403
    assert olga.post("/data/keys/revoke/", {"id": keys["site"]}).status_code == 302
    assert [each.name for each in people.list_keys()] == ["theirs"]


@pytest.mark.parametrize("who", ["maya", "vic"])
def test_others_see_no_keys_and_change_nothing(signed_in: SignedIn, who: str, heard: list[bool]) -> None:
    client = signed_in(who)
    assert client.get("/data/keys/").status_code == 403
    for path in ("keys/", "keys/revoke/", "values/say/", "values/forget/", "fields/give/", "webhooks/x/act/"):
        assert client.post(f"/data/{path}", {"collection": "accounts", "name": "x", "kind": "write"}).status_code == 403
    assert people.list_keys() == []
    assert heard == []


def test_webhooks_stand_on_the_overview(ada: Client, monkeypatch: pytest.MonkeyPatch, here: workspace.Workspace) -> None:
    made = sources.create_source("generic", "Sign-ups", by="ada@quill.example", moment=NOW).what
    sources.create_source("stripe", "Bills", by="ada@quill.example", moment=NOW)
    sources.note_received(made.id, "d1", "taken", "", moment=NOW)
    sources.note_refused(made.id, [sources.RefusalInfo(NOW, NOW, 401, "invalid_signature", "the <signature> is wrong")])
    text = read(ada, "")
    assert "the &lt;signature&gt; is wrong" in text
    assert text.count("Send a test event") == 1, "only where there is a secret to sign with"
    assert "No secret yet" in text
    address, form = f"/data/webhooks/{made.id}/act/", {"act": "test", "back": "overview"}
    assert "No server runs" in told(ada.post(address, form, follow=True))
    here.home.mkdir()
    (here.home / "server.json").write_text('{"address": "http://127.0.0.1:1", "pid": 1, "token": "t"}')
    asked: list[tuple[str, str]] = []

    def tried(reference: str, _post: object, address: str, *, moment: object) -> Tried:
        asked.append((reference, address))
        return Tried(len(asked) == 1, "Sign-ups: it went well." if len(asked) == 1 else "Sign-ups: refused with 401: no.")

    monkeypatch.setattr(trying, "try_source", tried)
    assert told(ada.post(address, form, follow=True)) == "Sign-ups: it went well."
    assert told(ada.post(address, form, follow=True)) == "Sign-ups: refused with 401: no."
    assert asked == [(made.id, "http://127.0.0.1:1")] * 2


def test_rules_follow_what_is_put_right(ada: Client, heard: list[bool]) -> None:
    ada.post("/data/events/set/", {"name": "Signed in", "kind": "login", "feature": ""})
    assert len(heard) == 1
    ada.post("/data/rejected/again/", FORM)
    assert len(heard) == 2
    ada.post("/data/unmatched/match/", {"ref": "hf-1", "account": "halden"})
    assert len(heard) == 3
    ada.post("/data/unmatched/match/", {"ref": "hf-1", "account": "halden"})
    ada.post("/data/events/set/", {"name": "Signed in", "kind": "nonsense", "feature": ""})
    assert len(heard) == 3, "nothing changed"

"""The pages of webhooks: what they show to whom, what each form does, what bad input is told, what is never written back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from tests.web import test_data
from tests.web.conftest import HOSTILE, NOW, SignedIn
from tests.web.test_data import told
from tocsin.ingest.hooks import VENDORS
from tocsin.people import facade as people
from tocsin.people.models import User
from tocsin.sources import facade as sources
from tocsin.sources import trying
from tocsin.sources.trying import Tried
from tocsin.web import source

facts, ada = test_data.facts, test_data.ada
WHO: dict[str, Any] = {"by": "ada@quill.example", "moment": NOW}
NEW = "/data/webhooks/new/"


@pytest.fixture
def otto(signed_in: SignedIn) -> Client:
    """The client of somebody of operations."""
    User.objects.filter(email="olga@quill.example").update(role="operations")
    return signed_in("olga")


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def secret_in(page: str) -> str:
    """The secret that a page shows this once."""
    return page.partition('id="h-made"')[2].partition('<code class="secret">')[2].partition("</code>")[0]


def did() -> list[tuple[str, str, str]]:
    """The latest change that was written down."""
    [last, *_] = people.changes()
    return [(last.by, last.act, last.what)]


def held(name: str) -> tuple[str, ...]:
    """The secrets of a source."""
    found = sources.source_info(name)
    at_door = sources.for_door(found.vendor, found.id)
    assert at_door is not None
    return at_door.secrets


def test_nothing_sends_yet(signed_in: SignedIn) -> None:
    for path in ("/data/", "/data/webhooks/"):
        assert "No system sends webhooks" in text_of(signed_in("maya"), path)
        assert NEW not in text_of(signed_in("maya"), path)
        assert NEW in text_of(signed_in("ada"), path)


def test_every_kind_is_offered_with_its_settings(ada: Client) -> None:
    page = text_of(ada, NEW)
    for each in sources.hook_kinds().values():
        assert f'<a href="?kind={each.name}"><b>{each.title}</b>' in page
        form = text_of(ada, f"{NEW}?kind={each.name}")
        assert [name for name in VENDORS[each.name].settings if f'name="set.{name}"' not in form] == []
        assert escape(each.hint) in form
        assert ("one is made, and shown once" in form) == each.chosen
    assert "Subscriptions, trials and invoices, as they change" in page
    form = text_of(ada, f"{NEW}?kind=stripe")
    assert "prod_QXg1 = Suite" in form
    assert "The field of customers&#x27; metadata that holds the account; <code>tocsin_account_id</code> if not set." in form


def test_a_secret_that_is_made_here_is_shown_once(ada: Client) -> None:
    answer = ada.post(NEW, {"kind": "generic", "name": "Sign-ups", "secret": "", "set.timezone": "Europe/Berlin"})
    page = answer.content.decode()
    secret = secret_in(page)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert held("Sign-ups") == (secret,)
    [found] = sources.list_sources()
    assert found.settings == {"timezone": "Europe/Berlin"}
    assert found.created_by == "ada@quill.example"
    assert f"http://testserver/hooks/generic/{found.id}" in page
    assert did() == [("ada@quill.example", "source made", "Sign-ups")]
    again = ada.get(f"/data/webhooks/{found.id}/")
    assert secret not in again.content.decode()
    assert 'id="h-made"' not in again.content.decode()


def test_a_secret_that_is_entered_is_kept_and_not_shown(ada: Client) -> None:
    given = {"kind": "stripe", "name": "Bills", "secret": " whsec_hush ", "set.names": "prod_1 = Suite\n\nprice_2=Team, yearly"}
    answer = ada.post(NEW, given, follow=True)
    page = answer.content.decode()
    assert "give its address to Stripe" in told(answer)
    assert held("Bills") == ("whsec_hush",)
    assert "whsec_hush" not in page
    assert sources.source_info("Bills").settings == {"names": {"prod_1": "Suite", "price_2": "Team, yearly"}}
    assert "prod_1 = Suite\nprice_2 = Team, yearly</textarea>" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "A source needs a name"),
        ({"name": "Taken"}, "There is a source &#x27;Taken&#x27; already"),
        ({"secret": "x" * 501}, "A secret has 1 to 500 characters"),
        ({"set.kinds": "Upgrade"}, "The setting kinds has a line without a sign of equality"),
        ({"set.kinds": '{"Upgrade": 1}'}, "The setting kinds is no mapping from texts to texts"),
        ({"set.fields": "{"}, "The setting fields is no JSON that can be read, see line 1, column 2"),
        ({"set.fields": "[" * 100_000}, "The setting fields is nested too deep"),
        ({"set.fields": '{"Account": ' + "[" * 300 + "]" * 300 + "}"}, "A setting is nested too deep"),
        ({"set.fields": "9" * 5000}, "The setting fields cannot be read"),
        ({"set.fields": '{"Account": {"Name": NaN}}'}, "A setting holds nan, no number that can be kept"),
        ({"set.fields": '{"Account": {"Name": "\\u0000"}}'}, "A setting holds a character that cannot be kept"),
        ({"set.timezone": "Mars/Olympus"}, "The setting timezone: "),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(ada: Client, wrong: dict[str, str], said: str) -> None:
    sources.create_source("generic", "Taken", **WHO)
    given = {
        "kind": "salesforce",
        "name": "Our <b>CRM</b>",
        "secret": "hush-4711",
        "set.kinds": "Upgrade = expansion",
        "set.timezone": "Asia/Tokyo",
    }
    answer = ada.post(NEW, given | wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    alert = page.partition('role="alert"')[2].partition("</p>")[0]
    assert said in alert
    assert "Enter the secret once more" in alert
    assert "hush-4711" not in page
    for name in ("name", "set.kinds", "set.timezone"):
        if name not in wrong:
            assert given[name].replace("<", "&lt;").replace(">", "&gt;") in page
    assert [each.name for each in sources.list_sources()] == ["Taken"]


def test_a_kind_that_is_unknown(ada: Client) -> None:
    answer = ada.post(NEW, {"kind": "<i>strip", "name": "x"})
    assert answer.status_code == 422
    assert "Unknown kind of source &#x27;&lt;i&gt;strip&#x27;" in answer.content.decode()
    assert "which system sends?" in text_of(ada, f"{NEW}?kind=nonsense")


def test_the_page_has_the_address_and_the_steps(ada: Client, otto: Client, signed_in: SignedIn, settings: Any) -> None:
    made = sources.create_source("stripe", "Bills", **WHO).what
    own = f"/data/webhooks/{made.id}/"
    page = text_of(ada, own)
    assert page.count(f"http://testserver/hooks/stripe/{made.id}") == 2, "to paste, and in the steps"
    assert "<li>In Stripe, open Developers, Webhooks, and add an endpoint with that address." in page
    assert "&lt;source id&gt;" not in page
    assert "TOCSIN_PUBLIC_URL" in page
    assert "Until it has a secret, all that it sends is refused" in page
    settings.TOCSIN_PUBLIC_URL = "https://tocsin.quill.example"
    page = text_of(otto, own)
    assert f"https://tocsin.quill.example/hooks/stripe/{made.id}" in page
    assert "TOCSIN_PUBLIC_URL" not in page
    assert 'value="pause"' in page
    assert 'name="secret"' not in page
    seen = text_of(signed_in("maya"), own)
    assert f"/hooks/stripe/{made.id}" not in seen
    assert 'method="post" action="/data/' not in seen
    assert ada.get("/data/webhooks/src_nobody/").status_code == 404


def test_what_came_and_what_was_refused(ada: Client, signed_in: SignedIn) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO).what
    own = f"/data/webhooks/{made.id}/"
    assert "Nothing has come yet" in text_of(ada, own)
    assert 'id="h-refused"' not in text_of(ada, own)
    sources.note_received(made.id, "d-1", "taken", "2 of events", moment=NOW - timedelta(minutes=5))
    sources.note_received(made.id, "d-2", "ignored", "It is of <no> kind.", moment=NOW - timedelta(minutes=4))
    begun = NOW - timedelta(minutes=9)
    wrong = sources.RefusalInfo(begun, NOW, 401, "invalid_signature", "the signature is wrong", "192.0.2.7", True, 1234)
    sources.note_refused(made.id, [wrong])
    page = text_of(ada, own)
    assert "2 of events" in page
    assert "Passed over" in page
    assert "It is of &lt;no&gt; kind." in page
    refused = page.partition('id="h-refused"')[2].partition("</section>")[0]
    assert "1,234 requests in all" in refused
    [line] = lines_of(refused)
    assert "The signature is wrong." in line
    assert line.count("<time") == 2, "since when, and the last of them"
    for part in ('<td class="num">1,234</td>', '<td class="num wide-only">401</td>', "192.0.2.7 and others"):
        assert part in line
    assert "the body went to the rejected rows" not in page
    later = NOW + timedelta(hours=1)
    sources.note_refused(made.id, [sources.RefusalInfo(later, later, 400, "unreadable", "the body is no JSON", "192.0.2.8")])
    page = text_of(ada, own)
    first, second = lines_of(page.partition('id="h-refused"')[2].partition("</section>")[0])
    assert "The body is no JSON." in first
    assert "the body went to the rejected rows" in first
    assert "192.0.2.8</td>" in first
    assert "The signature is wrong." in second
    assert "1,235 requests in all" in page
    page = text_of(signed_in("maya"), own)
    assert "The body is no JSON." in page
    assert "192.0.2" not in page, "addresses are for those who run it"


def lines_of(section: str) -> list[str]:
    """The lines of the table of a section."""
    return section.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]


def test_secrets_are_changed_one_for_the_other(ada: Client) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO)
    own = f"/data/webhooks/{made.what.id}/"
    answer = ada.post(own, {"act": "secret", "secret": ""})
    fresh = secret_in(answer.content.decode())
    assert answer["Cache-Control"] == "no-store"
    assert held("Sign-ups") == (made.secret, fresh)
    assert did() == [("ada@quill.example", "secret added", "Sign-ups")]
    assert "one secret more" in told(ada.post(own, {"act": "secret", "secret": "of-theirs"}, follow=True))
    twice = ada.post(own, {"act": "secret", "secret": "of-theirs"})
    assert twice.status_code == 422
    assert "has that secret already. The secret is written back into no page" in twice.content.decode()
    assert "of-theirs" not in twice.content.decode()
    old = sources.source_info("Sign-ups").secrets[0].id
    assert f"<code>{old}</code>" in text_of(ada, own)
    assert "is retired" in told(ada.post(f"{own}act/", {"act": "retire", "secret": old}, follow=True))
    assert held("Sign-ups") == (fresh, "of-theirs")
    assert did() == [("ada@quill.example", "secret removed", "Sign-ups")]
    assert "There is no secret" in told(ada.post(f"{own}act/", {"act": "retire", "secret": old}, follow=True))


def test_a_vendor_that_gives_the_secret_has_none_made(ada: Client) -> None:
    made = sources.create_source("zendesk", "Desk", **WHO).what
    answer = ada.post(f"/data/webhooks/{made.id}/", {"act": "secret", "secret": " "})
    assert answer.status_code == 422
    assert "Zendesk gives the secret; pass the one that it shows" in answer.content.decode()


def test_secrets_of_another_key_of_the_workspace(ada: Client, settings: Any) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO).what
    settings.SECRET_KEY = "another key of the workspace"
    ada.force_login(User.objects.get(email="ada@quill.example"))
    page = text_of(ada, f"/data/webhooks/{made.id}/")
    assert "Its secrets cannot be read, as the workspace's key has changed" in page
    assert "Send a test event" not in page


def test_its_settings_are_changed(ada: Client) -> None:
    made = sources.create_source("hubspot", "CRM", settings={"kinds": {"a=b": "renewal"}, "timezone": "Asia/Tokyo"}, **WHO).what
    own = f"/data/webhooks/{made.id}/"
    page = text_of(ada, own)
    assert "{\n  &quot;a=b&quot;: &quot;renewal&quot;\n}</textarea>" in page, "what lines could not say is JSON"
    form = {"act": "set", "set.kinds": '{"a=b": "renewal"}', "set.properties": '{"deal": {"x": "stage"}}', "set.timezone": ""}
    answer = ada.post(own, form, follow=True)
    assert "CRM is changed" in told(answer)
    kept = {"kinds": {"a=b": "renewal"}, "properties": {"deal": {"x": "stage"}}}
    assert sources.source_info("CRM").settings == kept
    assert did() == [("ada@quill.example", "source changed", "CRM")]
    wrong = ada.post(own, form | {"set.outcomes": "98765 won", "set.timezone": "Asia/Seoul"})
    page = wrong.content.decode()
    assert wrong.status_code == 422
    assert "The setting outcomes has a line without a sign of equality" in page
    assert "98765 won</textarea>" in page
    assert 'value="Asia/Seoul"' in page
    assert sources.source_info("CRM").settings == kept


def test_paused_resumed_and_removed(ada: Client) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO).what
    address = f"/data/webhooks/{made.id}/act/"
    assert "is paused" in told(ada.post(address, {"act": "pause"}, follow=True))
    assert sources.source_info("Sign-ups").paused
    assert did() == [("ada@quill.example", "source paused", "Sign-ups")]
    assert "It is paused: what it sends is answered with 503" in text_of(ada, f"/data/webhooks/{made.id}/")
    answer = ada.post(address, {"act": "resume", "back": "list"}, follow=True)
    assert "is taken from again" in told(answer)
    assert answer.redirect_chain[-1][0] == "/data/webhooks/"
    assert not sources.source_info("Sign-ups").paused
    assert ada.post(address, {"act": "explode"}).status_code == 403
    assert "what it has told stays" in told(ada.post(address, {"act": "delete"}, follow=True))
    assert sources.list_sources() == []
    assert did() == [("ada@quill.example", "source removed", "Sign-ups")]
    gone = ada.post(address, {"act": "pause"}, follow=True)
    assert "There is no source" in told(gone)
    assert gone.redirect_chain[-1][0] == "/data/webhooks/"


def test_a_test_event_is_sent_from_the_page(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO).what
    address = f"/data/webhooks/{made.id}/act/"
    answer = ada.post(address, {"act": "test"}, follow=True)
    assert "No server runs" in told(answer)
    assert answer.redirect_chain[-1][0] == f"/data/webhooks/{made.id}/"
    monkeypatch.setattr(source, "address", lambda: "http://127.0.0.1:1")
    monkeypatch.setattr(trying, "try_source", lambda *_, **__: Tried(True, "Sign-ups: it went well."))
    assert told(ada.post(address, {"act": "test"}, follow=True)) == "Sign-ups: it went well."
    assert did() == [("ada@quill.example", "source tested", "Sign-ups")]


def test_who_may_not(ada: Client, otto: Client, signed_in: SignedIn) -> None:
    made = sources.create_source("generic", "Sign-ups", **WHO)
    own, before = f"/data/webhooks/{made.what.id}/", people.changes()
    secret_id = made.what.secrets[0].id
    for client in (otto, signed_in("maya"), signed_in("vic")):
        assert client.get(NEW).status_code == 403
        assert client.post(NEW, {"kind": "generic", "name": "Mine"}).status_code == 403
        for form in ({"act": "secret", "secret": "mine"}, {"act": "set", "set.timezone": "UTC"}, {"act": "pause"}, {}):
            assert client.post(own, form).status_code == 403
        for form in ({"act": "delete"}, {"act": "retire", "secret": secret_id}, {}):
            assert client.post(f"{own}act/", form).status_code == 403
    for act in ("pause", "resume", "test"):
        assert signed_in("maya").post(f"{own}act/", {"act": act}).status_code == 403
    assert people.changes() == before
    assert held("Sign-ups") == (made.secret,)
    assert otto.post(f"{own}act/", {"act": "pause"}).status_code == 302
    assert sources.source_info("Sign-ups").paused


def test_hostile_names_are_escaped(ada: Client) -> None:
    made = sources.create_source("generic", HOSTILE, settings={"mapping": MAPPING}, **WHO).what
    sources.note_received(made.id, HOSTILE, "taken", HOSTILE, moment=NOW)
    sources.note_refused(made.id, [sources.RefusalInfo(NOW, NOW, 401, "invalid_signature", HOSTILE, HOSTILE)])
    for path in ("/data/", "/data/webhooks/", f"/data/webhooks/{made.id}/"):
        page = text_of(ada, path)
        assert "<script>alert(" not in page
        assert "&lt;script&gt;" in page


MAPPING = {"collection": "people", "columns": {"id": "id", "name": {"value": HOSTILE}}}


def test_queries_do_not_grow(ada: Client) -> None:
    counts: dict[str, list[int]] = {}
    first = ""
    for number in range(6):
        made = sources.create_source("generic", f"Sign-ups {number}", **WHO).what
        first = first or made.id
        for delivery in range(number):
            sources.note_received(first, f"d{delivery}", "taken", "1 of events", moment=NOW)
        if number:
            sources.add_secret(first, f"s{number}", **WHO) if number < 5 else None
        if number in (0, 5):
            for path in ("/data/webhooks/", f"/data/webhooks/{first}/"):
                with CaptureQueriesContext(connection) as seen:
                    text_of(ada, path)
                counts.setdefault(path, []).append(len(seen))
    assert all(few == many for few, many in counts.values()), json.dumps(counts)

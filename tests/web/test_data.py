"""The data pages: what they show, who may act, what an act changes and how it is noted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tests.web.conftest import HOSTILE, NOW, SignedIn
from tocsin.facts import turned
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths
from tocsin.facts.live import taking
from tocsin.facts.live.shapes import WAITING, Arrivals, Refusal, Row
from tocsin.facts.live.taking import Taker
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits
from tocsin.people import facade as people
from tocsin.web import background
from tocsin.web.templatetags.tocsin import sentence_case

TABS = ("", "events/", "rejected/", "rejected/rows/", "unmatched/", "owners/", "values/", "fields/")
EVENT = '{"type":"track","event":"Saved","messageId":"m%d","userId":"u%d","context":{"groupId":"%s"},"properties":{"n":"<b>"}}'
FILES = {
    "accounts": (
        "id,name,owner\nhalden,Halden Freight,maya@quill.example\norsett,Orsett Hotels,Nils Lind\n"
        'bare,"<script>alert(""x"")</script> & ""Sons""",gone@quill.example\n'
    ),
    "events": (
        "id,account_id,name,at,kind\ne1,halden,Signed in,2026-03-12T09:00:00Z,\ne2,orsett,Signed in,2026-03-10T09:00:00Z,\n"
        "e3,halden,Opened <i>plan</i>,2026-03-01T09:00:00Z,page\ne4,HALDEN-FREIGHT,Signed in,2026-03-01T09:00:00Z,\n"
    ),
    "tickets": "id,account_id,opened_at\nt1,halden,2026-03-02T09:00:00Z\nt2,elsewhere,2026-03-02T09:00:00Z\n",
}
LATE = turned.Kind("http", "events", "the clock was wrong")
FORM = {"source": LATE.source, "collection": LATE.collection, "reason": LATE.reason}


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[DuckStore]:
    """Facts of this test alone: three accounts, rows of files and over HTTP that were turned away."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    import_paths(store, [tmp_path / f"{name}.csv" for name in FILES], now=NOW - timedelta(hours=2))
    refused = [Refusal("events", WAITING, EVENT % (n, n, "hf-1"), f"m{n}", "hf-1", f"u{n}", NOW) for n in (1, 2)]
    refused += [Refusal("events", WAITING, "{}", "m9", None, "u9", NOW)]
    refused += [Refusal("events", LATE.reason, EVENT % (3, 3, "halden"), received=NOW), Refusal("events", LATE.reason, "{")]
    Taker(store, lambda waiting: again(waiting, Limits())).take(Arrivals(refused=refused), None, NOW)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of events are read at once, however busy the machine is."""
    monkeypatch.setattr(background, "QUICK", 600.0)


@pytest.fixture
def ada(signed_in: SignedIn) -> Client:
    """The administrator's client."""
    return signed_in("ada")


def read(client: Client, path: str) -> str:
    """A page, which must be there."""
    answer = client.get(f"/data/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def told(answer: object) -> str:
    """What a followed answer says in its toasts."""
    text: str = answer.content.decode()  # type: ignore[attr-defined]
    return text.partition('id="toasts"')[2].partition("</span>")[0].rpartition("<span>")[2]


def acts() -> list[tuple[str, str, str]]:
    """Who did what to what, the latest first."""
    return [(each.by, each.act, each.what) for each in people.changes() if each.act != "user made"]


def stored(store: DuckStore, sql: str) -> list[dict[str, object]]:
    """The rows of a query."""
    found: list[dict[str, object]] = store.query(sql).to_pylist()
    return found


def test_the_overview_says_whose_minutes_are_counted(ada: Client, facts: DuckStore, tmp_path: Path) -> None:
    assert ada.get("/data/").content.decode().count("minutes: counted by sessions") == 1
    file = tmp_path / "events.csv"
    file.write_text("id,account_id,name,at,minutes\ne9,halden,Signed in,2026-03-12T09:05:00Z,3\n", encoding="utf-8")
    import_paths(facts, [file], now=NOW)
    assert "minutes: counted by sessions" not in ada.get("/data/").content.decode()


def test_the_overview(ada: Client) -> None:
    people.create_key("site", "write", by="ada@quill.example", moment=NOW)
    people.create_key("report", "api", by="ada@quill.example", moment=NOW)
    text = read(ada, "")
    assert "12 minutes ago" in text, "how fresh the events are"
    assert "64 % of events and tickets" in text, "7 of 11 rows"
    assert "site" in text
    assert "report" not in text
    assert "Nothing yet of:" in text


@pytest.mark.parametrize("path", TABS)
@pytest.mark.parametrize("who", ["maya", "vic"])
def test_others_look_and_cannot_act(signed_in: SignedIn, path: str, who: str) -> None:
    text = read(signed_in(who), f"{path}?source=http&collection=events&reason=the+clock+was+wrong")
    part = text.partition('id="part"')[2].partition("</main>")[0]
    assert 'method="post"' not in part
    assert '<a href="/data/"' not in text.partition("</nav>")[0], "it is in the way of those who run customer success only"


def test_nothing_breaks_where_there_is_nothing(ada: Client, facts: DuckStore) -> None:
    with facts.write() as cursor:
        for name in ("rejected", "events", "tickets", "account_timeline", "accounts"):
            cursor.execute(f"DELETE FROM {name}")
    said = (
        "No data yet",
        "No events yet",
        "Nothing was rejected",
        "No such rows",
        "Every account is known",
        "No account has an owner",
        "Every word is known",
        "no field has a system of record",
    )
    for path, words in zip(TABS, said, strict=True):
        assert words in read(ada, path)


def test_names_are_marked(ada: Client, facts: DuckStore) -> None:
    text = read(ada, "events/")
    assert "Opened &lt;i&gt;plan&lt;/i&gt;" in text
    assert "Opened" not in read(ada, "events/?q=signed")
    assert "Opened" not in read(ada, "events/?kind=none")
    form = {"name": "Signed in", "kind": "login", "feature": "door"}
    answer = ada.post("/data/events/set/?q=signed", form, follow=True)
    assert answer.redirect_chain == [("/data/events/?q=signed", 302)]
    assert told(answer) == "Signed in is login of door from now on; 2 stored events changed"
    kinds = stored(facts, "SELECT DISTINCT kind, feature FROM events WHERE name = 'Signed in'")
    assert kinds == [{"kind": "login", "feature": "door"}]
    assert acts() == [("ada@quill.example", "event marked", "Signed in")]
    assert "stands for that already" in told(ada.post("/data/events/set/", form, follow=True))
    assert "Unknown kind" in told(ada.post("/data/events/set/", {**form, "kind": "visit"}, follow=True))
    assert "Every event has a kind" in read(ada, "events/?kind=none")
    assert len(acts()) == 1
    assert "event marked" in ada.get("/settings/audit/").content.decode()


def test_bodies_of_webhooks_are_counted_and_not_tried_again(ada: Client, facts: DuckStore) -> None:
    """Only their source reads them: tried again through another door they lost its name and the reason."""
    before = turned.count(facts)
    tile = re.compile(r"<dt>Rejected</dt><dd[^>]*><a[^>]*>(\d+)</a>")
    assert tile.findall(read(ada, "")) == [str(before)]
    refused = [Refusal("hooks", "CRM: userId is missing", '{"evt": "call"}', received=NOW)] * 2
    Taker(facts, lambda waiting: again(waiting, Limits())).take(Arrivals(refused=refused), None, NOW)
    text = read(ada, "")
    assert tile.findall(text) == [str(turned.count(facts))]
    assert "bodies that could not be read" in text
    kind = turned.Kind("http", "hooks", "CRM: userId is missing")
    query = {"source": kind.source, "collection": kind.collection, "reason": kind.reason}
    kept = facts.query("SELECT * FROM rejected WHERE collection = 'hooks'").to_pylist()
    assert kept
    assert "the sender sends them again" in ada.get("/data/rejected/rows/", query).content.decode()
    assert "sends it again" in told(ada.post("/data/rejected/again/", query, follow=True))
    assert facts.query("SELECT * FROM rejected WHERE collection = 'hooks'").to_pylist() == kept


def test_a_field_at_the_start_of_a_reason_stays_as_it_is_written() -> None:
    for name in ("userId is missing", "account_id is empty", "Known already", ""):
        assert sentence_case(name) == name
    assert sentence_case("the clock was wrong") == "The clock was wrong"
    assert sentence_case("a userId is missing") == "A userId is missing"


def test_rejected_rows_by_kind_and_each(ada: Client) -> None:
    text = read(ada, "rejected/")
    assert "The clock was wrong" in text
    assert "Unknown account …" in text
    assert "from events.csv:5" in text
    rows = read(ada, "rejected/rows/?source=http&collection=events&reason=the+clock+was+wrong")
    assert "&quot;messageId&quot;: &quot;m3&quot;" in rows
    assert "&lt;b&gt;" in rows
    assert "<b>&quot;" not in rows
    query = {
        "source": "file",
        "collection": "tickets",
        "reason": "unknown account …; import the account, or give the id of one as its alias",
    }
    assert "imported again" in ada.get("/data/rejected/rows/", query).content.decode()


def test_rows_are_tried_again(ada: Client, facts: DuckStore) -> None:
    answer = ada.post("/data/rejected/again/", FORM, follow=True)
    assert told(answer) == "2 rows tried again: 1 came in; 1 row turned away again"
    assert "It is no JSON object" in read(ada, "rejected/"), "what cannot be read is not lost"
    assert stored(facts, "SELECT count(*) AS n FROM events WHERE id = 'm3'") == [{"n": 1}]
    assert acts() == [("ada@quill.example", "rejected rows tried again", "events (http): the clock was wrong")]
    assert "There are no such rows any more" in told(ada.post("/data/rejected/again/", FORM, follow=True))
    assert "is imported again" in told(ada.post("/data/rejected/again/", {**FORM, "source": "file"}, follow=True))


def test_a_row_that_fails_keeps_no_other(ada: Client, facts: DuckStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "internal error: ValueError"
    rows = [Refusal("events", reason, EVENT % (n, n, "halden"), received=NOW) for n in range(20, 27)]
    Taker(facts, lambda waiting: again(waiting, Limits())).take(Arrivals(refused=rows), None, NOW)
    put: Any = vars(taking)["put_events"]

    def fails(cursor: Any, past: Any, events: Any, *more: Any) -> Any:
        if any(each.id == "m23" for each in events):
            raise ZeroDivisionError
        return put(cursor, past, events, *more)

    form = {"source": "http", "collection": "events", "reason": reason}
    monkeypatch.setattr(taking, "put_events", fails)
    said = told(ada.post("/data/rejected/again/", form, follow=True))
    assert said == "7 rows tried again: 6 came in; 1 row failed again and stayed here as they were"
    left, total = turned.rows_of(facts, turned.Kind("http", "events", reason))
    assert (total, left[0].reason, left[0].row) == (1, reason, rows[3].row)
    ids = facts.query("SELECT id FROM events WHERE id LIKE 'm2_' ORDER BY id").column("id").to_pylist()
    assert ids == ["m20", "m21", "m22", "m24", "m25", "m26"]


def test_rows_that_fail_again_stay(
    ada: Client, facts: DuckStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = Refusal("events", "internal error: ZeroDivisionError: of some kind", EVENT % (7, 7, "halden"), received=NOW)
    Taker(facts, lambda waiting: again(waiting, Limits())).take(Arrivals(refused=[failed]), None, NOW)
    kind = turned.Kind("http", "events", failed.reason)
    form = {"source": kind.source, "collection": kind.collection, "reason": kind.reason}
    before = turned.rows_of(facts, kind)
    with monkeypatch.context() as patched:
        patched.setattr(taking, "put_events", lambda *_: 1 / 0)
        answer = ada.post("/data/rejected/again/", form, follow=True)
    assert (
        told(answer)
        == "They failed again with ZeroDivisionError, and stay here as they were; the server&#x27;s log says where."
    )
    assert turned.rows_of(facts, kind) == before
    assert "could not be tried again" in caplog.text
    assert acts() == [], "nothing was done"
    assert told(ada.post("/data/rejected/again/", form, follow=True)) == "1 row tried again: 1 came in"


def test_rows_are_forgotten(ada: Client, facts: DuckStore) -> None:
    read(ada, "")
    assert told(ada.post("/data/rejected/forget/", FORM, follow=True)) == "2 rows forgotten"
    assert turned.rows_of(facts, LATE) == ([], 0)
    assert turned.count(facts) == 5
    assert acts() == [("ada@quill.example", "rejected rows forgotten", "events (http): the clock was wrong")]
    assert "56 % of events and tickets" in read(ada, ""), "at once, though the facts are the same"


def test_a_name_is_given_to_its_account(ada: Client, facts: DuckStore) -> None:
    text = read(ada, "unmatched/")
    assert "Halden Freight?" in text, "HALDEN-FREIGHT looks like it"
    assert "Halden Freight" in read(ada, "unmatched/?ref=hf-1&account=freight")
    assert "1 more row names a person only" in text
    assert "No account has a name" in read(ada, "unmatched/?ref=hf-1")
    form = {"ref": "hf-1", "account": "halden"}
    answer = ada.post("/data/unmatched/match/", form, follow=True)
    assert told(answer) == "hf-1 is Halden Freight from now on; 2 rows came in"
    assert stored(facts, "SELECT count(*) AS n FROM events WHERE name = 'Saved'") == [{"n": 2}]
    assert stored(facts, "SELECT source, external_id FROM account_aliases") == [{"source": "manual", "external_id": "hf-1"}]
    assert acts() == [("ada@quill.example", "account matched", "hf-1")]
    assert "no row waits" in told(ada.post("/data/unmatched/match/", form, follow=True)).lower()
    of_files = ada.post("/data/unmatched/match/", {"ref": "elsewhere", "account": "orsett"}, follow=True)
    assert "1 row of files come in when" in told(of_files)
    assert "Orsett Hotels by now; import the file again" in read(ada, "unmatched/")
    assert "already" in told(ada.post("/data/unmatched/match/", {"ref": "elsewhere", "account": "halden"}, follow=True))
    nobody = ada.post("/data/unmatched/match/", {"ref": "HALDEN-FREIGHT", "account": "nobody"}, follow=True)
    assert "There is no account" in told(nobody)


def test_owners_beside_users(ada: Client) -> None:
    text = read(ada, "owners/")
    assert "2 owners of 2 accounts are no user" in text
    assert "Nils Lind has this name (nils@quill.example)" in text
    assert text.index('<th scope="row">gone@quill.example') < text.index('<th scope="row">maya@quill.example')


def test_an_owner_is_said_to_be_a_user(ada: Client, facts: DuckStore) -> None:
    for user in ("", "gone@quill.example"):
        answer = ada.post("/data/owners/map/", {"owner": "Nils Lind", "user": user}, follow=True)
        assert told(answer).startswith("Choose the user that ")
    answer = ada.post("/data/owners/map/", {"owner": "Nils Lind", "user": "nils@quill.example"}, follow=True)
    assert told(answer) == "Nils Lind is nils@quill.example, of 1 account and in all that comes from now on"
    assert "1 owner of 1 account is no user" in read(ada, "owners/")
    assert stored(facts, "SELECT owner FROM accounts WHERE id = 'orsett'") == [{"owner": "nils@quill.example"}]
    assert "Nils Lind" in read(ada, "values/")
    assert acts() == [("ada@quill.example", "owner mapped", "Nils Lind")]


def test_hostile_names_are_escaped(ada: Client) -> None:
    assert HOSTILE not in read(ada, "unmatched/?ref=hf-1&account=script")


@pytest.mark.parametrize("path", TABS)
def test_queries_do_not_grow_with_rows(ada: Client, facts: DuckStore, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = DuckStore.query

    def counted(store: DuckStore, sql: str, *given: object, **more: object) -> object:
        asked.append(sql)
        return ask(store, sql, *given, **more)  # type: ignore[arg-type]

    address = f"{path}?source=http&collection=events&reason=the+clock+was+wrong&ref=hf-1"
    monkeypatch.setattr(DuckStore, "query", counted)
    read(ada, address)
    few = len(asked)
    many = [Refusal("events", LATE.reason, EVENT % (n, n, "x"), None, f"x{n}") for n in range(200)]
    many += [Refusal("events", WAITING, EVENT % (n, n, f"y{n}"), None, f"y{n}") for n in range(300, 500)]
    Taker(facts, lambda waiting: again(waiting, Limits())).take(Arrivals(refused=many), None, NOW)
    asked.clear()
    text = read(ada, address)
    assert len(asked) == few
    if path in ("unmatched/", "rejected/rows/"):
        assert 'rel="next"' in text
        assert read(ada, f"{address}&page=2") != text


def test_a_merged_account_is_split_where_it_says_what_that_does(signed_in: SignedIn, facts: DuckStore) -> None:
    ada = signed_in("ada")
    takes = Taker(facts, lambda waiting: again(waiting, Limits()))
    takes.take(Arrivals(groups={"cus_1": None}), None, NOW)
    rows = [("tickets", {"id": "t9", "account_id": "cus_1", "opened_at": "2026-03-03T09:00:00Z"})]
    rows += [("account_aliases", {"account_id": "halden", "source": "stripe", "external_id": "cus_1"})]
    for row in rows:
        takes.take(Arrivals(rows=[Row(*row, "src_1", NOW)]), None, NOW)
    text = read(ada, "unmatched/")
    assert "Split cus_1 from Halden Freight?" in text
    assert "1 row (1 of tickets) goes back to it from halden" in text
    assert "Split them" not in read(signed_in("vic"), "unmatched/")
    assert "cus_1 is split from Halden Freight; 1 row went back" in told(
        ada.post("/data/unmatched/split/", {"id": "cus_1"}, follow=True)
    )
    found = facts.query("SELECT accounts.id FROM tickets JOIN accounts ON key = account_key WHERE tickets.id = 't9'")
    assert found.column("id").to_pylist() == ["cus_1"]
    assert "Merged accounts" not in read(ada, "unmatched/")
    assert "no merged account" in told(ada.post("/data/unmatched/split/", {"id": "cus_1"}, follow=True))

"""Value maps and systems of record over the interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import Caller
from tests.api.test_imports import done, post
from tests.web.test_data import stored
from tocsin.facts.duckdb import DuckStore

Call = Callable[..., Caller]
STAGE = "/value-maps/accounts/lifecycle_stage"
ROW = "id,name,lifecycle_stage,created_at\nc1,{name},{stage},2024-12-31\n"


@pytest.fixture
def facts() -> Iterator[DuckStore]:
    """Facts of this test alone: none."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    yield store
    store.close()


def stage(facts: DuckStore, caller: Caller, told: str) -> object:
    """What a stage becomes that a file tells."""
    assert post(caller, ROW.format(name="Acme", stage=told), collection="accounts").status_code == 200
    [row] = stored(facts, "SELECT lifecycle_stage AS stage FROM accounts")
    return row["stage"]


def test_words_are_mapped_and_let_go(call: Call, facts: DuckStore) -> None:
    admin, reader = call("admin"), call("read")
    said = {"source": "", "collection": "accounts", "name": "lifecycle_stage", "given": "2 - Impl/now", "meant": "Onboarding"}
    made = admin.send("PUT", STAGE, {"given": " 2 - Impl/now ", "meant": "Onboarding"})
    assert (made.status_code, made.json()) == (200, said)
    assert reader.get("/value-maps").json() == [said]
    assert stage(facts, admin, "2 - Impl/now") == "Onboarding"
    own = admin.send("PUT", STAGE, {"given": "x", "meant": None, "source": "file"}).json()
    assert (own["meant"], own["source"]) == (None, "file")
    assert stage(facts, admin, "x") is None
    admin.send("PUT", STAGE, {"given": "2 - Impl/now", "meant": "Adoption"})
    assert [each["meant"] for each in reader.get("/value-maps").json()] == ["Adoption", None]
    gone = admin.send("DELETE", f"{STAGE}?{urlencode({'given': '2 - Impl/now'})}")
    assert (gone.status_code, gone.json()["meant"]) == (200, "Adoption")
    assert stage(facts, admin, "2 - Impl/now") == "2 - Impl/now"
    assert admin.send("DELETE", f"{STAGE}?given=x").status_code == 404, "it is said of files alone"
    assert admin.send("DELETE", f"{STAGE}?given=x&source=file").status_code == 200
    assert reader.get("/value-maps").json() == []
    told = [each for each in done() if each != "files imported"]
    assert told == ["value map deleted"] * 2 + ["value mapped"] * 3


def test_words_that_nothing_is_known_of(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    stage(facts, admin, "4 - Wobbly")
    unknown = {"collection": "accounts", "name": "lifecycle_stage", "value": "4 - Wobbly", "rows": 1}
    assert call("read").get("/value-maps/unknown").json() == [unknown]
    admin.send("PUT", STAGE, {"given": "x", "meant": "4 - Wobbly"})
    assert call("read").get("/value-maps/unknown").json() == [], "a map leads to it"


def test_words_that_cannot_be_mapped(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    admin.send("PUT", STAGE, {"given": "a", "meant": "b"})
    for path, body, status, why in (
        (STAGE, {"given": "b", "meant": "c"}, 422, "is mapped to 'b'"),
        (STAGE, {"given": "c", "meant": "a"}, 422, "is itself mapped"),
        (STAGE, {"given": "c", "meant": "c"}, 422, "means itself already"),
        (STAGE, {"given": "c", "meant": " "}, 422, "give a word, or null"),
        (STAGE, {"given": " ", "meant": "c"}, 422, "1 to 200 characters"),
        (STAGE, {"given": "c", "meant": "d", "source": "nowhere"}, 422, "there is no source 'nowhere'"),
        (STAGE, {"given": "c"}, 422, "wrong in 1 place"),
        ("/value-maps/accounts/name", {"given": "c", "meant": "d"}, 404, "are not mapped; mapped are accounts."),
    ):
        refused = admin.send("PUT", path, body)
        assert (refused.status_code, why in refused.json()["detail"]) == (status, True), refused.content
    assert [each["given"] for each in admin.get("/value-maps").json()] == ["a"]


def test_a_field_is_given_and_taken_back(call: Call, facts: DuckStore) -> None:
    admin, reader = call("admin"), call("read")
    stage(facts, admin, "Onboarding")
    listed = {(each["collection"], each["name"]): each for each in reader.get("/systems-of-record").json()}
    field = {"collection": "accounts", "name": "name", "custom": False, "source": None, "passed_over": []}
    assert listed["accounts", "name"] == field
    assert ("accounts", "id") not in listed
    path = "/systems-of-record/accounts/name"
    assert admin.send("PUT", path, {"source": "http"}).json() == {**field, "source": "http"}
    report = post(admin, ROW.format(name="Other", stage=""), collection="accounts").json()
    assert report["collections"][0]["notes"] == ["passed over, as another source has the say there: name"]
    assert stored(facts, "SELECT name FROM accounts") == [{"name": "Acme"}]
    [owned] = [each for each in reader.get("/systems-of-record").json() if each["source"]]
    assert [(each["source"], each["count"]) for each in owned["passed_over"]] == [("file", 1)]
    assert admin.send("DELETE", path).json() == field
    assert admin.send("DELETE", path).status_code == 200, "it is so already"
    post(admin, ROW.format(name="Other", stage=""), collection="accounts")
    assert stored(facts, "SELECT name FROM accounts") == [{"name": "Other"}]
    assert [each for each in done() if each != "files imported"] == ["system of record"] * 2


def test_attributes_of_any_name(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    post(admin, "id,name,created_at,Plan/Tier\nc1,Acme,2024-12-31,x\n", collection="accounts")
    owned = admin.send("PUT", "/systems-of-record/accounts/Plan%2FTier", {"source": "manual"}).json()
    assert (owned["name"], owned["custom"], owned["source"]) == ("Plan/Tier", True, "manual")


def test_fields_that_cannot_be_given(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    for path, body, status, why in (
        ("/systems-of-record/accounts/id", {"source": "http"}, 404, "have no field 'id'"),
        ("/systems-of-record/events/name", {"source": "http"}, 404, "only fields of accounts and people"),
        ("/systems-of-record/accounts/name", {"source": "nowhere"}, 422, "there is no source 'nowhere'"),
        ("/systems-of-record/accounts/name", {"source": ""}, 422, "wrong in 1 place"),
    ):
        refused = admin.send("PUT", path, body)
        assert (refused.status_code, why in refused.json()["detail"]) == (status, True), refused.content
    assert not [each for each in admin.get("/systems-of-record").json() if each["source"]]

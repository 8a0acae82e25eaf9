"""The owner map: in what is stored, at all times, and in what comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts import ownermap, valuewords


def test_an_owner_is_a_user_in_all_that_is_stored_and_in_all_that_comes(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,owner,created_at\na1,Acme,005Q,2026-01-01\na2,Bolt,ann@us.example,2026-01-01\n")
    desk.give("accounts.csv", "id,name,owner\na1,Acme,bob@us.example\n", now=NOW + timedelta(days=1))
    desk.give("accounts.csv", "id,name,owner\na2,Bolt,005Q\n", now=NOW + timedelta(days=2))
    desk.give("opportunities.csv", "account_id,kind,owner,opened_at\na1,renewal,005Q,2026-01-02\n")
    assert ownermap.is_user(desk.store, "005Q", "ann@us.example") == 1
    assert desk.rows("SELECT id, owner FROM accounts ORDER BY id") == [("a1", "bob@us.example"), ("a2", "ann@us.example")]
    assert [value for _, value in desk.timeline("a1", "owner")] == ["ann@us.example", "bob@us.example"]
    assert {value for _, value in desk.timeline("a2", "owner")} == {"ann@us.example"}
    assert desk.rows("SELECT owner FROM opportunities") == [("ann@us.example",)]
    report = desk.give("accounts.csv", "id,name,owner\na2,Bolt,005Q\na3,Coil,005Q\n", now=NOW + timedelta(days=3))
    assert desk.figures(report, "accounts") == (2, 1, 0, 1, 0)
    assert desk.rows("SELECT owner FROM accounts WHERE id = 'a3'") == [("ann@us.example",)]


def test_no_owner_leads_to_another_name(desk: Desk) -> None:
    ownermap.is_user(desk.store, "005Q", "ann@us.example")
    assert ownermap.is_user(desk.store, "Ann", "ann@us.example") == 0
    with pytest.raises(UserError, match="'005Q' is itself mapped"):
        ownermap.is_user(desk.store, "ann", "005Q")
    assert ownermap.mapped(desk.store) == {"005Q": "ann@us.example", "Ann": "ann@us.example"}


def test_an_owner_is_mapped_whole_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.give("accounts.csv", "id,name,owner\na1,Acme,005Q\n")
    monkeypatch.setattr("tocsin.facts.ownermap.settle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ownermap.is_user(desk.store, "005Q", "ann@us.example")
    assert (ownermap.mapped(desk.store), desk.rows("SELECT owner FROM accounts")) == ({}, [("005Q",)])


def test_what_is_taken_back_is_for_what_comes(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,owner\na1,Acme,005Q\n")
    with pytest.raises(UserError, match="not said which user '005Q' is"):
        ownermap.is_nobody(desk.store, "005Q")
    ownermap.is_user(desk.store, "005Q", "ann@us.example")
    valuewords.forget(desk.store, valuewords.Meaning("", "opportunities", "owner", "005Q", ""))
    assert ownermap.is_nobody(desk.store, "005Q") == "ann@us.example", "what is left of it"
    assert ownermap.mapped(desk.store) == {}
    desk.give("accounts.csv", "id,name,owner\na2,Bolt,005Q\n")
    assert desk.rows("SELECT id, owner FROM accounts ORDER BY id") == [("a1", "ann@us.example"), ("a2", "005Q")]

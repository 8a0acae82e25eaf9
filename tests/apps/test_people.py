"""Users, one-time links, passwords and throttling; people whom only the facts know."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from tests.apps.fakes import T0
from tocsin import settings as product
from tocsin import workspace
from tocsin.core import once
from tocsin.core.errors import UserError
from tocsin.people import facade
from tocsin.people.models import FailedSignIn, SignInLink, Team, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def request(address: str = "192.0.2.1") -> HttpRequest:
    made = RequestFactory().post("/sign-in/", REMOTE_ADDR=address)
    made.session = SessionStore()
    return made


def user(email: str = "ada@us.example", **more: Any) -> facade.Person:
    return facade.create_user(email, "Ada", "csm", moment=T0, **more)


def token(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[1]


def test_a_new_user() -> None:
    made = user(" Ada@US.example ", team="West", password=PASSWORD)
    assert made == facade.Person("ada@us.example", "Ada", "csm", "West", active=True, can_sign_in=True)
    assert facade.person("ADA@us.example") == made
    assert facade.people() == [made]
    with pytest.raises(UserError, match=r"there is a user ada@us\.example already"):
        user()


@pytest.mark.parametrize(
    ("email", "name", "role", "said"),
    [
        ("nobody", "A", "csm", "'nobody' is no e-mail address"),
        ("a@b.co", " ", "csm", "the name is empty"),
        ("a@b.co", "A", "boss", "unknown role 'boss'; give one of admin, operations, leader, csm, viewer"),
    ],
)
def test_what_is_no_user(email: str, name: str, role: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        facade.create_user(email, name, role, moment=T0)
    assert not facade.people()


def test_signing_in() -> None:
    user(password=PASSWORD)
    asked = request()
    begun = facade.sign_in(asked, "ADA@us.example", PASSWORD, moment=T0, target="/alerts/")
    assert begun is not None
    assert begun["Location"] == "/alerts/"
    assert asked.session["_auth_user_id"]
    assert facade.sign_in(request(), "ada@us.example", "wrong", moment=T0) is None
    assert facade.sign_in(request(), "nobody@us.example", PASSWORD, moment=T0) is None


def test_passwords_are_kept_by_argon2_at_its_full_cost() -> None:
    with override_settings(PASSWORD_HASHERS=product.PASSWORD_HASHERS):
        user(password=PASSWORD)
    kept = User.objects.get().password
    assert kept.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert PASSWORD not in kept


def test_too_many_failures_are_refused_even_with_the_right_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "MOST_BY_WHO", 2)
    user(password=PASSWORD)
    for _ in range(facade.MOST_BY_WHO):
        assert facade.sign_in(request(), "ada@us.example", "guess", moment=T0) is None
    with pytest.raises(facade.TooManyAttemptsError, match="wait a quarter of an hour"):
        facade.sign_in(request("198.51.100.7"), "ada@us.example", PASSWORD, moment=T0 + timedelta(minutes=14))
    assert facade.sign_in(request(), "ada@us.example", PASSWORD, moment=T0 + timedelta(minutes=16))
    assert not FailedSignIn.objects.exists()


def test_one_address_cannot_try_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "MOST_BY_ADDRESS", 3)
    user(password=PASSWORD)
    for n in range(facade.MOST_BY_ADDRESS):
        facade.sign_in(request(), f"user{n}@us.example", "guess", moment=T0)
    with pytest.raises(facade.TooManyAttemptsError):
        facade.sign_in(request(), "ada@us.example", PASSWORD, moment=T0)
    assert facade.sign_in(request("198.51.100.7"), "ada@us.example", PASSWORD, moment=T0)


def test_a_link_signs_in_once() -> None:
    user()
    path = facade.make_link("ada@us.example", moment=T0)
    assert path.startswith("/sign-in/link/")
    assert token(path) not in {link.hash for link in SignInLink.objects.all()}
    asked = request()
    facade.sign_in_with_link(asked, token(path), moment=T0 + timedelta(hours=1))
    assert asked.session["_auth_user_id"]
    with pytest.raises(UserError, match="used already or has expired"):
        facade.sign_in_with_link(request(), token(path), moment=T0 + timedelta(hours=1))


def test_a_link_expires_and_serves_its_purpose_only() -> None:
    user()
    path = facade.make_link("ada@us.example", moment=T0)
    for when, given in ((T0 + facade.SIGN_IN_LINK, token(path)), (T0, token(path) + "x"), (T0, "")):
        with pytest.raises(UserError):
            facade.sign_in_with_link(request(), given, moment=when)
    with pytest.raises(UserError):
        facade.set_password_with_link(request(), token(path), PASSWORD, moment=T0)
    User.objects.update(is_active=False)
    with pytest.raises(UserError):
        facade.sign_in_with_link(request(), token(path), moment=T0)
    with pytest.raises(UserError, match="no active user"):
        facade.make_link("ada@us.example", moment=T0)


def test_setting_a_password_by_link() -> None:
    user()
    path = facade.make_link("ada@us.example", moment=T0, purpose="set-password")
    holder = facade.link_holder(token(path), moment=T0, purpose="set-password")
    assert holder
    assert holder.email == "ada@us.example"
    for weak in ("short", "1234567890123", "password123", "ada@us.example"):
        with pytest.raises(UserError):
            facade.set_password_with_link(request(), token(path), weak, moment=T0)
    forgotten = facade.make_link("ada@us.example", moment=T0, purpose="set-password")
    facade.set_password_with_link(request(), token(path), PASSWORD, moment=T0)
    for link in (path, forgotten):
        assert facade.link_holder(token(link), moment=T0, purpose="set-password") is None
    assert facade.sign_in(request(), "ada@us.example", PASSWORD, moment=T0)


def test_what_has_expired_is_cleared() -> None:
    user()
    for key, hours in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=T0 + timedelta(hours=hours))
    facade.make_link("ada@us.example", moment=T0 - timedelta(days=2))
    fresh = facade.make_link("ada@us.example", moment=T0 - timedelta(hours=1), purpose="set-password")
    assert facade.clear_expired(T0) == 1
    assert [session.session_key for session in Session.objects.all()] == ["new"]
    assert SignInLink.objects.count() == 1
    assert facade.link_holder(token(fresh), moment=T0, purpose="set-password")


CSMS: list[dict[str, Any]] = [
    {"email": "Ada@us.example", "name": "Ada", "team": "West", "role": "csm", "capacity": 40.0, "active": True},
    {"email": "bob@us.example", "name": None, "team": "East", "role": "Head of CS", "active": None},
    {"email": "eve@us.example", "name": "Eve", "role": "admin", "active": False},
]


def test_people_of_the_facts_become_users_without_sign_in() -> None:
    report = facade.sync_people(CSMS, [{"name": "West", "manager": "Lea@us.example", "churn_tolerance": 0.05}], moment=T0)
    assert (report.users_added, report.teams_added) == (3, 2)
    found = {person.email: person for person in facade.people(active=False)}
    assert found["ada@us.example"] == facade.Person("ada@us.example", "Ada", "csm", "West")
    assert (found["bob@us.example"].name, found["bob@us.example"].role) == ("bob@us.example", "csm")
    assert (found["eve@us.example"].role, found["eve@us.example"].active) == ("csm", False)
    assert facade.sign_in(request(), "ada@us.example", "", moment=T0) is None
    again = facade.sync_people(CSMS, [{"name": "West", "manager": "lea@us.example", "churn_tolerance": 0.05}], moment=T0)
    assert again == facade.SyncReport(0, 0, 0, 0)


def test_a_file_moves_people_but_gives_no_rights() -> None:
    facade.create_user("ada@us.example", "Ada", "viewer", moment=T0, password=PASSWORD)
    facade.sync_people([{"email": "ada@us.example", "name": "Ada L", "team": "East", "role": "leader"}], [], moment=T0)
    moved = facade.person("ada@us.example")
    assert moved
    assert (moved.name, moved.team, moved.role, moved.can_sign_in) == ("Ada L", "East", "viewer", True)


@pytest.mark.parametrize("role", ["admin", "operations"])
def test_a_file_takes_no_rights_from_who_has_yet_to_choose_a_password(role: str) -> None:
    facade.create_user("ada@us.example", "Ada", role, moment=T0)
    facade.sync_people([{"email": "ada@us.example", "name": "Ada", "role": "leader"}], [], moment=T0)
    kept = facade.person("ada@us.example")
    assert kept
    assert kept.role == role


@pytest.mark.parametrize(("role", "active"), [("admin", True), ("operations", True), ("leader", False), ("csm", False)])
def test_a_file_shuts_out_no_administrator(role: str, active: bool) -> None:
    facade.create_user("ada@us.example", "Ada", role, moment=T0, password=PASSWORD)
    rows = [{"email": "Ada@us.example", "name": "Ada L", "active": False}]
    report = facade.sync_people(rows, [], moment=T0)
    assert report.kept_active == (("ada@us.example",) if active else ())
    kept = facade.person("ada@us.example")
    assert kept
    assert (kept.active, kept.name, kept.role) == (active, "Ada L", role)
    assert facade.sync_people(rows, [], moment=T0).users_updated == 0


def test_a_file_changes_no_role_of_who_signs_in_by_links() -> None:
    facade.create_user("ada@us.example", "Ada", "viewer", moment=T0)
    facade.sign_in_with_link(request(), token(facade.make_link("ada@us.example", moment=T0)), moment=T0)
    facade.sync_people([{"email": "ada@us.example", "name": "Ada", "role": "leader"}], [], moment=T0)
    kept = facade.person("ada@us.example")
    assert kept
    assert kept.role == "viewer"


def test_someone_known_from_the_facts_may_be_let_in_later() -> None:
    facade.sync_people(CSMS, [], moment=T0)
    assert user(team="West").team == "West"
    facade.sign_in_with_link(request(), token(facade.make_link("ada@us.example", moment=T0)), moment=T0)
    assert User.objects.filter(email="ada@us.example").count() == 1


@pytest.mark.parametrize("role", facade.ROLES)
def test_who_signs_in_without_a_password_is_not_made_anew(role: str) -> None:
    facade.create_user("ada@us.example", "Ada", role, moment=T0)
    facade.sign_in_with_link(request(), token(facade.make_link("ada@us.example", moment=T0)), moment=T0)
    with pytest.raises(UserError, match=r"there is a user .* already"):
        facade.create_user("Ada@us.example", "Eve", "viewer", moment=T0)
    kept = facade.person("ada@us.example")
    assert kept
    assert (kept.name, kept.role) == ("Ada", role)


@pytest.mark.parametrize("role", ["admin", "operations"])
def test_nor_is_who_was_given_rights_and_has_yet_to_sign_in(role: str) -> None:
    facade.create_user("ada@us.example", "Ada", role, moment=T0)
    with pytest.raises(UserError, match="already"):
        facade.create_user("ada@us.example", "Ada", "viewer", moment=T0)
    assert User.objects.get(email="ada@us.example").role == role


def test_making_a_user_is_in_the_audit() -> None:
    facade.create_user("ada@us.example", "Ada", "leader", by="root@us.example", moment=T0)
    [line] = facade.changes()
    assert (line.by, line.act, line.what, line.detail) == ("root@us.example", "user made", "ada@us.example", "leader")


def test_roles_of_the_settings_are_those_of_users() -> None:
    assert facade.ROLES == workspace.ROLES


def test_teammates() -> None:
    facade.sync_people(CSMS, [{"name": "West", "manager": "lea@us.example"}], moment=T0)
    user("cat@us.example", team="West")
    assert facade.teammates("ada@us.example") == ("ada@us.example", "cat@us.example")
    assert facade.teammates("lea@us.example") == ("ada@us.example", "cat@us.example", "lea@us.example")
    assert facade.teammates("eve@us.example") == ("eve@us.example",)


def test_the_teams_of_a_person_are_their_own_and_those_they_manage() -> None:
    facade.create_user("nils@us.example", "Nils", "csm", team="North", moment=T0)
    facade.create_user("lea@us.example", "Lea", "leader", team="Leads", moment=T0)
    Team.objects.filter(name="North").update(manager="Lea@us.example")
    assert facade.teams_of("nils@us.example") == ("North",)
    assert facade.teams_of("LEA@us.example") == ("Leads", "North")
    assert facade.teams_of("nobody@us.example") == ()


def test_a_request_asks_once_who_there_is_and_sees_what_it_changes(django_assert_num_queries: Any) -> None:
    user()
    user("bob@us.example")
    with once.request():
        with django_assert_num_queries(1):
            assert [each.email for each in facade.people()] == ["ada@us.example", "bob@us.example"]
            assert len(facade.people(active=False)) == 2
        facade.set_active("bob@us.example", False, by="t", moment=T0)
        assert [each.email for each in facade.people()] == ["ada@us.example"]
        user("cid@us.example", team="East")
        assert [each.team for each in facade.people()] == ["", "East"]
    with django_assert_num_queries(2):
        assert facade.people() == facade.people()

"""Signing in, by password and by link; and that nothing is seen without it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.web.conftest import NOW, PASSWORD, SignedIn
from tocsin.people import facade as people
from tocsin.workspace import Workspace

PAGES = (
    "/alerts/",
    "/alerts/1/",
    "/alerts/1/chart.svg",
    "/alerts/1/chart.json",
    "/accounts/",
    "/accounts/halden/",
    "/accounts/halden/signals/",
    "/accounts/halden/charts/usage_30d.svg",
    "/accounts/halden/charts/usage_30d.json",
    "/search/?q=ha",
    "/rules/",
    "/rules/usage-drop/",
)


@pytest.mark.parametrize("address", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_comes_back(client: Client, here: Workspace, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=")
    assert "Halden" not in answer.content.decode()


@pytest.mark.parametrize("act", ["acknowledge", "snooze", "resolve", "reopen"])
def test_a_stranger_cannot_act(client: Client, here: Workspace, act: str) -> None:
    assert client.post(f"/alerts/1/{act}/")["Location"].startswith("/sign-in/")


def test_a_stranger_of_htmx_is_sent_by_header(client: Client, here: Workspace) -> None:
    answer = client.get("/alerts/", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith("/sign-in/")


def test_a_password_signs_in_and_goes_where_one_wanted(client: Client, here: Workspace) -> None:
    given = {"email": "MAYA@quill.example", "password": PASSWORD, "next": "/accounts/?q=ha"}
    answer = client.post("/sign-in/", given)
    assert answer["Location"] == "/accounts/?q=ha"
    assert client.get("/accounts/").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_no_one_is_sent_to_another_site(client: Client, here: Workspace, target: str) -> None:
    answer = client.post("/sign-in/", {"email": "maya@quill.example", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/alerts/"


def test_a_wrong_password_is_told_kindly_and_keeps_the_address(client: Client, here: Workspace) -> None:
    page = client.post("/sign-in/", {"email": '"><b>maya', "password": "no"}).content.decode()
    assert "do not belong together" in page
    assert "&quot;&gt;&lt;b&gt;maya" in page
    assert "<b>maya" not in page


def test_too_many_failures_are_throttled(client: Client, here: Workspace) -> None:
    for _ in range(people.MOST_BY_WHO):
        assert client.post("/sign-in/", {"email": "maya@quill.example", "password": "no"}).status_code == 200
    answer = client.post("/sign-in/", {"email": "maya@quill.example", "password": PASSWORD})
    assert answer.status_code == 429
    assert "quarter of an hour" in answer.content.decode()


def test_a_link_signs_in_once(client: Client, here: Workspace) -> None:
    address = people.make_link("maya@quill.example", moment=NOW)
    assert Client().head(address).status_code == 405  # what looks at links does not use them up
    assert client.get(address)["Location"] == "/alerts/"
    assert client.get("/alerts/").status_code == 200
    again = Client().get(address)
    assert again.status_code == 410
    assert "no longer works" in again.content.decode()


def test_a_password_is_set_by_link(client: Client, here: Workspace) -> None:
    address = people.make_link("maya@quill.example", moment=NOW, purpose="set-password")
    assert "maya@quill.example" in client.get(address).content.decode()
    assert "too short" in client.post(address, {"password": "short"}).content.decode()
    assert client.post(address, {"password": "a-much-longer-secret-7"})["Location"] == "/alerts/"
    assert client.get(address).status_code == 410


def test_signing_out_ends_the_session(signed_in: SignedIn) -> None:
    client = signed_in("maya")
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/alerts/").status_code == 302

"""A NUL character in an address, a cookie or a form of a page is refused with a sentence: not every database can hold it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.web.conftest import SignedIn

SAID = b"NUL character"


@pytest.mark.parametrize("path", ["/accounts/?q=a%00", "/accounts/a%00/", "/rules/%00/", "/sign-in/?next=%00", "/links/%00/"])
def test_of_an_address(signed_in: SignedIn, path: str) -> None:
    answer = signed_in("ada").get(path)
    assert (answer.status_code, SAID in answer.content) == (400, True)


def test_of_a_form(signed_in: SignedIn, db: None) -> None:
    for client, path in ((signed_in("ada"), "/data/rejected/again/"), (Client(), "/sign-in/")):
        answer = client.post(path, {"email": "a\0@x.io", "password": "b", "reason": "\0"})
        assert (answer.status_code, SAID in answer.content) == (400, True)


def test_of_a_cookie(db: None, settings: object) -> None:
    client = Client()
    client.cookies.load(f'{settings.SESSION_COOKIE_NAME}="\\000aaaaaaaaaaaa"')  # type: ignore[attr-defined]
    answer = client.get("/alerts/")
    assert (answer.status_code, SAID in answer.content) == (400, True)


def test_programs_get_a_problem(db: None) -> None:
    answer = Client().get("/api/v1/alerts?state=%00")
    assert answer.status_code in (400, 401)
    assert "json" in answer["Content-Type"]

"""The interface for a browser that is signed in: its session counts, with the CSRF token for whatever may change something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.api.conftest import Caller
from tests.web.conftest import NOW
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.alerts.models import Episode
from tocsin.people import facade as people
from tocsin.people.models import User

Call = Callable[..., Caller]


class Browser:
    """A browser in which somebody is signed in, that checks tokens as a real one meets it."""

    def __init__(self, name: str) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(User.objects.get(email=f"{name}@quill.example"))

    def get(self, path: str) -> Any:
        """GET."""
        return self.client.get(f"/api/v1{path}")

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Any other method, with JSON and these headers."""
        return self.client.generic(method, f"/api/v1{path}", _json(body), content_type="application/json", headers=headers)

    @property
    def token(self) -> str:
        """As the page's own program finds it: in the cookie that came with an answer."""
        self.get("/me")
        return str(self.client.cookies["tocsin_csrf"].value)


def _json(body: Any) -> bytes:
    import json

    return b"" if body is None else json.dumps(body).encode()


@pytest.fixture
def alert(swept: dict[tuple[str, str], Alert]) -> Alert:
    return swept["halden", "usage-drop"]


def test_a_person_asks_and_acts_under_their_own_name(alert: Alert) -> None:
    maya = Browser("maya")
    assert maya.get("/me").json() == {"key": None, "scopes": [], "person": "maya@quill.example", "role": "csm"}
    path = f"/alerts/{alert.id}"
    assert maya.get(path).json()["state"] == "open"
    done = maya.send("POST", f"{path}/acknowledge", {"note": "on it"}, **{"X-CSRFToken": maya.token})
    assert (done.status_code, done.json()["acknowledged_by"]) == (200, "maya@quill.example")


def test_without_the_token_nothing_is_changed(alert: Alert) -> None:
    maya, nils = Browser("maya"), Browser("nils")
    for headers in ({}, {"X-CSRFToken": "x" * 32}, {"X-CSRFToken": nils.token + "x"}):
        refused = maya.send("POST", f"/alerts/{alert.id}/acknowledge", {}, **headers)
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
        assert "X-CSRFToken" in refused.json()["detail"]
    elsewhere = {"X-CSRFToken": maya.token, "Origin": "https://evil.example"}
    assert maya.send("POST", f"/alerts/{alert.id}/acknowledge", {}, **elsewhere).status_code == 403
    assert maya.send("POST", "/signals", {"formulas": ["mrr"]}).status_code == 403, "every method that is not safe"
    assert alerts.alert(alert.id).state == "open"


def test_a_form_is_refused(alert: Alert) -> None:
    maya = Browser("maya")
    form = {"note": "x", "csrfmiddlewaretoken": maya.token}
    for headers in ({}, {"X-CSRFToken": maya.token}):
        posted = maya.client.post(f"/api/v1/alerts/{alert.id}/acknowledge", form, headers=headers)
        assert (posted.status_code, posted["Content-Type"]) == (400, "application/problem+json")
    assert alerts.alert(alert.id).state == "open"


def test_a_key_that_is_wrong_is_not_made_good_by_a_session(alert: Alert) -> None:
    maya = Browser("maya")
    for given in ("Bearer ta_nothing", "Bearer", "Basic bWF5YTp4", "nonsense"):
        refused = maya.client.get("/api/v1/alerts", headers={"Authorization": given})
        assert refused.status_code == 401, given
    assert maya.client.get("/api/v1/alerts").status_code == 200


def test_a_key_needs_no_token(call: Call, alert: Alert) -> None:
    key = call("read", "alerts:write").key
    both = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})
    both.force_login(User.objects.get(email="maya@quill.example"))
    done = both.post(f"/api/v1/alerts/{alert.id}/acknowledge", b"{}", content_type="application/json")
    assert (done.status_code, done.json()["acknowledged_by"]) == (200, "api:key 1")


def test_who_was_shut_out_is_out(alert: Alert) -> None:
    maya = Browser("maya")
    people.set_active("maya@quill.example", active=False, by="test", moment=NOW)
    assert maya.get("/alerts").status_code == 401


def test_people_set_what_is_their_own(alert: Alert) -> None:
    people.create_user("opal@quill.example", "Opal", "operations", moment=NOW)
    chosen = {"digest": "weekly"}

    def prefer(who: str, whose: str, **given: object) -> Any:
        browser = Browser(who)
        path = f"/people/{whose}@quill.example/preferences"
        return browser.send("PUT", path, chosen | given, **{"X-CSRFToken": browser.token})

    assert prefer("maya", "maya").json()["preferences"]["digest"] == "weekly"
    assert prefer("vic", "vic").status_code == 200
    assert prefer("maya", "nils").status_code == 403
    assert prefer("opal", "nils").status_code == 200
    assert prefer("opal", "ada").status_code == 403, "operations change nothing of an administrator"
    assert prefer("ada", "opal").status_code == 200
    unknown = prefer("maya", "maya", channels=["email", "slak"])
    assert (unknown.status_code, unknown.json()["detail"]) == (
        422, "there is no channel 'slak' that reaches people; there are email, in-app",
    )  # fmt: skip


def test_a_csm_sees_what_is_about_themselves(alert: Alert, settings: Any) -> None:
    Episode.objects.filter(pk=alert.id).update(subject_kind="csm", subject_id="maya@quill.example", account=None)

    def seen(name: str) -> tuple[int, bool]:
        browser = Browser(name)
        listed = [each["id"] for each in browser.get("/alerts").json()["items"]]
        return browser.get(f"/alerts/{alert.id}").status_code, alert.id in listed

    assert [seen(name) for name in ("maya", "nils", "vic", "ada")] == [(200, True), (404, False), (404, False), (200, True)]
    settings.TOCSIN_CSM_ALERTS = "leaders"
    assert [seen(name) for name in ("maya", "ada")] == [(404, False), (200, True)]

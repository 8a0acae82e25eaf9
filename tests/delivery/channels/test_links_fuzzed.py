"""Whatever stands in place of a signed link gets a clear page; following one changes nothing, whatever comes with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery.channels.test_links import link, town_now
from tests.delivery.conftest import Town
from tocsin.alerts import facade as alerts
from tocsin.delivery import links
from tocsin.delivery.acting import ACTS, LONGEST_NOTE

__all__ = ["town_now"]
FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
words = st.text(max_size=20) | st.sampled_from(
    ["useful", "false_alarm", "\0", "\ud83d", "\u202e", "x" * 3_000, "<b>&amp;", "\r\n", "é" * 3_000]
)
forms = st.dictionaries(st.sampled_from(["outcome", "note", "act", "person"]) | st.text(max_size=5), words, max_size=4)
KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
    "text/\xfc",
    "",
)
# The parts of a token that is signed by us, and means nothing.
odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.lists(st.integers(), max_size=2)


def stands(town: Town) -> Any:
    """All that is known of the alert."""
    return alerts.alert(town.alert("usage-drop").id)


def text_of(answer: Any) -> str:
    """The text of a page, which is whole."""
    text: str = answer.content.decode()
    assert "</html>" in text
    return text


def posted(path: str, given_form: dict[str, str]) -> Any:
    """Post a form as a browser does, but with whatever can stand in it."""
    body = urlencode(given_form, errors="surrogatepass")
    return Client().post(path, body, content_type="application/x-www-form-urlencoded")


@st.composite
def tokens(draw: st.DrawFn, good: str) -> str:
    """Any text, or a good token in which something is cut, put in, doubled or turned round."""
    at = draw(st.integers(0, len(good) - 1))
    put = draw(st.text(min_size=1, max_size=4) | st.sampled_from([":", "=", ".", "\0", "A" * 2_000, "é"]))
    head, part, _, sign = (*good.rpartition(":"), good.rpartition(":")[2])
    made = [
        good[:at], good[:at] + put + good[at:], good + put, good + good, good[::-1], good.swapcase(), f".{good}", put,
        f"{head}:", f":{sign}", f"{head[:at]}:{sign}", f"{head}{part}", draw(st.text(max_size=60)),
    ]  # fmt: skip
    return draw(st.sampled_from(made).filter(lambda token: token != good))


@FEW
@given(data=st.data())
def test_tokens_that_are_not_ours(town_now: Town, data: st.DataObject) -> None:
    before = stands(town_now)
    good = link(town_now, data.draw(st.sampled_from(list(ACTS)))).split("/")[2]
    token = data.draw(tokens(good))
    path = f"/links/{quote(token, safe='', errors='replace')}/"
    query = urlencode(data.draw(forms), errors="surrogatepass")
    asked = Client().get(f"{path}?{query}"), posted(path, data.draw(forms))
    for answer, address in zip(asked, (f"{path}?{query}", path), strict=True):
        if "%00" in address:
            assert answer.status_code == 400
            assert "Nothing was changed." in text_of(answer)
            continue
        if "/" in token or not token:
            assert answer.status_code == 404, token
            continue
        assert answer.status_code == 410, token
        assert "This link is not valid" in text_of(answer)
        assert "Nothing was changed." in text_of(answer)
    assert stands(town_now) == before


@FEW
@given(st.lists(odd, max_size=5) | odd | st.tuples(st.sampled_from(list(ACTS)), odd, odd, odd).map(list))
def test_tokens_that_are_ours_and_mean_nothing(town_now: Town, told: Any) -> None:
    before = stands(town_now)
    path = f"/links/{links._signer().sign_object(told)}/"
    for answer in (Client().get(path), posted(path, {})):
        assert answer.status_code == 410
        assert "Nothing was changed." in text_of(answer)
    assert stands(town_now) == before


@FEW
@given(act=st.sampled_from(list(ACTS)), query=forms)
def test_following_changes_nothing_whatever_stands_in_the_address(town_now: Town, act: str, query: dict[str, str]) -> None:
    before = stands(town_now)
    answer = Client().get(f"{link(town_now, act)}?{urlencode(query, errors='surrogatepass')}")
    assert answer.status_code == (400 if any("\0" in each for pair in query.items() for each in pair) else 200)
    assert ("<form" in text_of(answer)) is (answer.status_code == 200)
    assert stands(town_now) == before


@FEW
@given(act=st.sampled_from(list(ACTS)), form=forms)
def test_any_form_acts_or_says_why_not(town_now: Town, act: str, form: dict[str, str]) -> None:
    before = stands(town_now)
    with transaction.atomic():
        answer = posted(link(town_now, act), form)
        after = stands(town_now)
        assert answer.status_code in (200, 409)
        assert text_of(answer)
        assert (after == before) is (answer.status_code == 409)
        assert all(len(each.reason or "") <= LONGEST_NOTE + 100 for each in after.timeline)
        transaction.set_rollback(True)


@FEW
@given(
    kind=st.sampled_from(KINDS),
    body=st.binary(max_size=60) | st.sampled_from([b"&" * 2_000, b"a=1&" * 2_000, b"--x\r\n\r\n", b"outcome=%ff"]),
)
def test_bodies_that_are_no_forms(town_now: Town, kind: str, body: bytes) -> None:
    with transaction.atomic():
        answer = Client().post(link(town_now, "acknowledge"), body, content_type=kind)
        assert answer.status_code in (200, 400)
        assert text_of(answer)
        transaction.set_rollback(True)


@pytest.mark.parametrize("method", ["put", "delete", "patch", "trace"])
def test_other_methods_do_nothing(town_now: Town, method: str) -> None:
    before = stands(town_now)
    assert getattr(Client(), method)(link(town_now, "acknowledge")).status_code == 405
    assert stands(town_now) == before

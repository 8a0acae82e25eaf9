"""E-mail through a real mail server: threads, both parts, signed links, and what refusals mean."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any

import pytest

from tests.delivery.channels.conftest import NOW, Mailbox, item, notice
from tocsin.core.errors import UserError
from tocsin.delivery.channels import Channel, PermanentError, SendError, Target, transport_of
from tocsin.delivery.message import Message, Table

EMAIL = Channel("email", "email")
ANN = Target("3f2c", "ann@x.io", "Ann")


@pytest.fixture
def mailing(settings: Any, mailbox: Mailbox) -> Mailbox:
    """The product's mail server is this one."""
    settings.TOCSIN_SMTP_URL = f"smtp://127.0.0.1:{mailbox.port}?tls=none"
    settings.TOCSIN_MAIL_FROM = "Tocsin <tocsin@x.io>"
    return mailbox


def send(message: Message, target: Target = ANN, channel: Channel = EMAIL) -> None:
    transport_of("email").send(channel, target, message, NOW)


def read(box: Mailbox, place: int = -1) -> Any:
    return email.message_from_bytes(box.got[place].content, policy=email.policy.default)


def test_a_notice_has_both_parts_with_evidence_and_links(mailing: Mailbox) -> None:
    send(notice())
    mail = read(mailing)
    assert mailing.got[0].rcpt_tos == ["ann@x.io"]
    assert mail["Subject"] == "[high] Halden Freight: Usage drops"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for part in (text, html):
        assert "-42%" in part
        assert "https://tocsin.example/alerts/1/" in part
        assert len(re.findall(r"https://tocsin\.example/links/", part)) >= 3


def test_the_week_of_a_team_has_its_figures_in_both_parts(mailing: Mailbox) -> None:
    tables = (
        Table("By CSM", ("CSM", "open", "waiting"), (("Ann <b>", "3", ""), ("Bob", "", "1")), note="waiting: for 3 days"),
        Table("Health that fell most", ("Account", "points"), (("Halden", "-9"),), ("/accounts/A1/health/",)),
    )
    send(
        Message(
            "team", "Your team's week: 4 alerts open", (item(1),), period="week", address="https://t.example", tables=tables
        )
    )
    mail = read(mailing)
    assert mail["Subject"] == "Your team's week: 4 alerts open"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "Ann <b> - open: 3" in text
    assert "Bob - waiting: 1" in text
    assert "Ann &lt;b&gt;" in html
    assert 'href="https://t.example/accounts/A1/health/"' in html
    assert 'href="https://t.example/alerts/?whose=team"' in html
    assert "Waiting: for 3 days" in html
    assert "/links/" not in html + text, "it tells of others' alerts: nobody acts on them by a link"


def test_all_about_one_alert_is_one_thread(mailing: Mailbox) -> None:
    send(notice())
    send(notice(item(1, kind="escalated")), Target("other", "ann@x.io", "Ann"))
    send(notice(item(2)), Target("third", "ann@x.io", "Ann"))
    first, second, third = (read(mailing, place) for place in range(3))
    assert first["Message-ID"] != second["Message-ID"]
    assert set(first["References"].split()) & set(second["References"].split())
    assert not set(first["References"].split()) & set(third["References"].split())


def test_every_attempt_bears_the_same_id(mailing: Mailbox) -> None:
    send(notice())
    send(notice())
    assert read(mailing, 0)["Message-ID"] == read(mailing, 1)["Message-ID"]


def test_a_digest_says_what_exceeded_the_budget(mailing: Mailbox) -> None:
    digest = Message(
        "digest", "Your digest: 2 alerts to look at", (item(1), item(2)), (), 4, "Tuesday, 3 March", "https://t.io"
    )
    send(digest)
    text = read(mailing).get_body(("plain",)).get_content()
    assert "4" in text
    assert text.count("Halden Freight") >= 2


def test_nothing_can_be_put_into_a_header_or_the_page(mailing: Mailbox) -> None:
    hostile = item(1, text="x\r\nBcc: eve@evil.io\r\n\r\n<script>alert(1)</script>", account_name='"><b>')
    send(notice(hostile))
    mail = read(mailing)
    assert mail["Bcc"] is None
    assert mailing.got[0].rcpt_tos == ["ann@x.io"]
    assert "<script>" not in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(("reply", "permanent"), [("550 no such user", True), ("451 try later", False)])
def test_what_a_refusal_means(mailing: Mailbox, reply: str, permanent: bool) -> None:
    mailing.refused["ann@x.io"] = reply
    with pytest.raises(SendError) as caught:
        send(notice())
    assert isinstance(caught.value, PermanentError) == permanent
    assert reply[:3] in str(caught.value)


def test_a_server_that_is_not_there_is_a_failure_for_now(settings: Any) -> None:
    settings.TOCSIN_SMTP_URL, settings.TOCSIN_MAIL_FROM = "smtp://u:s3cret@127.0.0.1:9?tls=none", "t@x.io"
    with pytest.raises(SendError) as caught:
        send(notice())
    assert not isinstance(caught.value, PermanentError)
    assert "s3cret" not in str(caught.value)


def test_a_server_of_its_own_must_be_a_public_one() -> None:
    with pytest.raises(UserError, match="private address"):
        transport_of("email").check({"url": "smtp://127.0.0.1:25?tls=none"}, "")

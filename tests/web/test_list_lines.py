"""The lines of the lists of accounts and rules: what they say, and that nothing in them runs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from django.template import Context, Template

from tocsin.alerts.facade import RuleInfo
from tocsin.engine.readiness import Readiness
from tocsin.web.rulelist import Row
from tocsin.web.source import AccountRow
from tocsin.web.views.accounts import Listed

NOW = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)
HOSTILE = '<b onclick="x">&\'"'
ACCOUNT = AccountRow("a 1", "Halden Freight", "maya", "1", "Team", "Adoption", "active", 1200.0, date(2026, 4, 4), "", "")
LISTED = Listed(ACCOUNT, "Maya", 2, 71.9, "Good", scored=True)
RULE = RuleInfo("gap", "No touchpoint", "safety", "account", "high", "when", "on", 1, "user", "", NOW, "ada")


def lines(tag: str, *rows: Any, **context: Any) -> str:
    """The HTML of these rows."""
    values = {"now": NOW, "currency": "USD", "soon": date(2026, 4, 11), "rows": rows, **context}
    return Template("{% load accountlist rulelist %}{% " + tag + " rows %}").render(Context(values))


def text(html: str) -> str:
    """What is read of it."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def accounts(row: Listed = LISTED, account: AccountRow = ACCOUNT, **context: Any) -> str:
    return lines("account_rows", replace(row, account=account), **context)


def test_an_account_is_told_in_one_line() -> None:
    html = accounts()
    assert text(html) == "HF Halden Freight Good 71 Maya Adoption 23 d $1,200 2"
    assert 'href="/accounts/a%201/"' in html
    assert 'href="/alerts/?whose=all&amp;account=a%201" aria-label="2 open alerts of Halden Freight"' in html
    assert '<span title="Sat 4 Apr 2026" class="down">23 d</span>' in html
    assert 'class="down"' not in accounts(soon=date(2026, 4, 3))


def test_what_is_not_known_of_an_account_is_a_dash() -> None:
    bare = replace(ACCOUNT, mrr=None, renews_on=None, stage="", status="churned")
    row = replace(LISTED, owner_name="", open=0, score=None, band=None, scored=False)
    assert text(accounts(row, bare)) == "HF Halden Freight – nobody Churned – – 0"
    assert text(accounts(replace(row, scored=True), bare)) == "HF Halden Freight Not scored nobody Churned – – 0"


def test_a_family_leads_to_its_members() -> None:
    html = accounts(replace(LISTED, members=3))
    assert html.count('href="?family=a%201"') == 2
    assert 'aria-label="Halden Freight and 3 other accounts: show the family">+3</a>' in html
    under = replace(LISTED, head="Top")
    assert '<small class="kin">Top</small>' in accounts(under)
    assert "Top" not in accounts(under, family=ACCOUNT)


def rules(info: RuleInfo = RULE, ready: Readiness | None = None, drafted: int | None = None) -> str:
    return lines("rule_rows", Row(info, ready, drafted))


def test_a_rule_is_told_in_one_line() -> None:
    told = replace(RULE, open=2, held=1, fired_30d=9, matching=4, scope=80, last_evaluated=NOW)
    html = rules(told, Readiness("ready", ""))
    assert text(html) == "No touchpoint gap 1 held On Condition 2 1 9 4 of 80 Ready 09:12"
    assert 'href="/alerts/?whose=all&amp;rule=gap" aria-label="2 open alerts of gap"' in html
    assert 'href="/rules/gap/#held" aria-label="1 held alert of gap"' in html
    assert text(rules(drafted=3)) == "No touchpoint gap · draft of version 3 On Condition 0 0 0 – – –"


def test_a_rule_that_cannot_speak_or_be_judged_says_so() -> None:
    silent = rules(replace(RULE, state="shadow", subject="csm"), Readiness("needs data", says="no `nps`"))
    assert text(silent) == "No touchpoint gap Needs data Shadow Condition, CSM 0 0 replay – Needs data no nps –"
    assert "<tr data-silent>" in silent
    assert 'title="why">Cannot judge' in rules(replace(RULE, unknown="why"))
    assert "Family" in rules(replace(RULE, rollup="family"))


def test_nothing_in_a_line_runs() -> None:
    account = replace(ACCOUNT, id=HOSTILE, name=HOSTILE, stage=HOSTILE)
    row = replace(LISTED, owner_name=HOSTILE, band=HOSTILE, head=HOSTILE)
    rule = replace(RULE, id="x&y", name=HOSTILE, subject=HOSTILE, state=HOSTILE, unknown=HOSTILE, open=1, held=1, matching=1)
    pages = [
        accounts(row, account, currency="<b>"),
        accounts(replace(row, members=2), replace(account, status=HOSTILE, stage="")),
        rules(rule, Readiness("needs data", says=HOSTILE)),
        rules(replace(rule, unknown="", state="off", trigger=HOSTILE)),
    ]
    for html in pages:
        assert "<b" not in html.replace('<b class="num">', "")
        assert 'onclick="' not in html

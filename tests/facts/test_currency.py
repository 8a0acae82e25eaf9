"""What amounts are in, and which of them no rate converts."""

from __future__ import annotations

import pytest

from tests.facts.conftest import Desk
from tocsin.facts.importing import ImportReport
from tocsin.facts.timeline import currency


def test_the_currency_of_amounts(desk: Desk) -> None:
    assert currency(desk.store) == ""
    desk.give("accounts.csv", "id,name,currency\na1,Acme,usd\na2,Bolt,USD\n")
    assert currency(desk.store) == "USD", "the one that all accounts share"
    desk.give("accounts.csv", "id,name,currency\na3,Coil,CHF\n")
    assert currency(desk.store) == "", "there are several"
    desk.give("rates.csv", "currency,on,rate\nCHF,2026-01-01,1.1\nEUR,2026-01-01,1\n")
    assert currency(desk.store) == "EUR", "what the rates lead to"
    desk.store.currency = "GBP"
    assert currency(desk.store) == "GBP", "the reporting currency goes before all"


INVOICES = "id,account_id,amount,currency,issued_on,due_on\n"
RATES = "currency,on,rate\nUSD,2026-01-01,0.9\n"


def invoices(*currencies: str) -> str:
    return INVOICES + "".join(f"{n},a1,5,{each},2026-01-01,2026-02-01\n" for n, each in enumerate(currencies))


def notes(report: ImportReport) -> list[tuple[str, str]]:
    return [(each.name, note) for each in report.collections for note in each.notes]


@pytest.fixture
def euros(acme: Desk) -> Desk:
    acme.store.currency = "EUR"
    return acme


def test_amounts_without_a_rate_are_said(euros: Desk) -> None:
    currencies = ["CHF", "CHF", "CHF", "DKK", "USD", "EUR", "eur", ""]
    assert notes(euros.give("invoices.csv", invoices(*currencies))) == [], "without rates nothing is converted"
    said = [
        "3 invoices are in CHF, for which there is no rate: their amounts count as they are",
        "1 of the invoices is in DKK, for which there is no rate: its amount counts as it is",
    ]
    assert notes(euros.give("rates.csv", RATES)) == [("rates", text) for text in said]
    assert notes(euros.give("invoices.csv", invoices(*currencies))) == [("invoices", text) for text in said]
    assert notes(euros.give("people.csv", "id,account_id\np1,a1\n")) == [], "what it does not concern does not say it"
    assert notes(euros.give("rates.csv", "currency,on,rate\nCHF,2026-01-01,1\nDKK,2026-01-01,1\n")) == []


def test_what_has_no_amount_is_not_counted(euros: Desk) -> None:
    euros.give("rates.csv", RATES)
    head = "id,account_id,mrr,currency,starts_on\n"
    assert notes(euros.give("subscriptions.csv", head + "s1,a1,,CHF,2026-01-01\n")) == []
    report = euros.give("subscriptions.csv", head + "s1,a1,5,CHF,2026-01-01\ns2,a1,5,CHF,2026-01-01\n")
    assert any(note.startswith("2 subscriptions are in CHF, for which") for _, note in notes(report))


def test_without_a_reporting_currency_it_says_how_to_name_it(acme: Desk) -> None:
    acme.give("rates.csv", RATES)
    ((_, note),) = notes(acme.give("invoices.csv", invoices("EUR", "EUR", "USD")))
    assert note.startswith("2 invoices are in EUR, for which there is no rate")
    assert note.endswith("(if money is reported in it, set TOCSIN_CURRENCY)")


def test_many_currencies_are_summed_up(euros: Desk) -> None:
    euros.give("rates.csv", RATES)
    found = notes(euros.give("invoices.csv", invoices(*"ABCDEFG")))
    assert len(found) == 6
    assert found[-1][1] == "2 invoices are in 2 more currencies for which there is no rate"

"""What amounts are in, and which of them no rate converts."""

from __future__ import annotations

from tests.facts.conftest import Desk
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

"""Names of accounts in rejected rows that no account has, and saying whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.facts import turned
from tocsin.facts.live.shapes import Arrivals, Row
from tocsin.facts.merged import merged, told
from tocsin.ingest.parting import split
from tocsin.people import facade as people
from tocsin.web import source, words
from tocsin.web.shell import Seen
from tocsin.web.source import AccountRow
from tocsin.web.views.data.frame import A_PAGE, act, listed, page_number, paging, tab, taker

FOUND = 8
SOURCE = "manual"  # of the alias: nobody's system, a person said so


def show(request: Seen, moment: datetime) -> dict[str, Any]:
    """A page of names, each with the account that looks like it; of the one that is asked for, the accounts that fit."""
    gone = merged(source.store(), size=A_PAGE + 1)
    number, text = page_number(request), request.GET.get("q", "").strip()[:200]
    known = source.accounts(moment)
    alike = source.kept(("data", "alike"), lambda: _alike(known), moment)
    found, total = turned.strangers(source.store(), text=text, page=number, size=A_PAGE)
    ref = request.GET.get("ref", "")[:1000]
    chosen = turned.stranger(source.store(), ref) if ref else None
    asked = request.GET.get("account", ref).strip()[:200]
    return {
        "names": [(each, known.get(alike.get(_plain(each.ref), "")), known.get(each.known)) for each in found],
        "persons": turned.persons(source.store()),
        "chosen": chosen,
        "asked": asked,
        "fitting": _fitting(known, asked) if chosen else [],
        "text": text,
        "merged": [(each, told(each)) for each in gone[:A_PAGE]],
        "more_merged": len(gone) > A_PAGE,
        **paging(request, number, total),
    }


def match(request: Seen, moment: datetime) -> str:
    """Say whose name it is: an alias of the account; what waits for it over HTTP comes in at once."""
    ref, account_id = request.POST.get("ref", ""), request.POST.get("account", "")
    before = turned.stranger(source.store(), ref)
    account = source.account(account_id, moment)
    if before is None:
        raise UserError(f"no row waits for an account named {ref!r} any more")
    if account is None:
        raise UserError(f"there is no account {account_id!r}")
    if before.ambiguous or before.known:
        raise UserError(f"{ref} is the name of an account already")
    alias = {"account_id": account.id, "source": SOURCE, "external_id": ref}
    takes, _ = taker()
    takes.take(Arrivals(rows=[Row("account_aliases", alias, SOURCE, moment)]), None, moment)
    after = turned.stranger(source.store(), ref)
    came, left = before.total - (after.total if after else 0), after.total if after else 0
    people.note("account matched", ref, f"{account.id}; {came:,} rows came in", by=request.user.email, moment=moment)
    return listed([
        f"{ref} is {account.name} from now on",
        f"{words.plural(came, 'row')} came in" if came else "",
        f"{words.plural(left, 'row')} of files come in when the files are imported again" if left else "",
    ])  # fmt: skip


def part(request: Seen, moment: datetime) -> str:
    """Take a merge back."""
    _, limits = taker()
    done = split(source.store(), limits, request.POST.get("id", ""), moment)
    went = f"{words.plural(done.total, 'row')} went back"
    people.note("account split", done.id, f"from {done.into}; {went}", by=request.user.email, moment=moment)
    return f"{done.id} is split from {done.into_name}; {went}"


def _fitting(known: Mapping[str, AccountRow], asked: str) -> list[AccountRow]:
    """The accounts whose name or id holds what was asked for, those that begin with it first."""
    wanted = asked.casefold()
    if not wanted:
        return []
    fits = [each for each in known.values() if wanted in each.name.casefold() or wanted in each.id.casefold()]
    fits.sort(key=lambda each: (not each.name.casefold().startswith(wanted), each.name.casefold()))
    return fits[:FOUND]


def _alike(known: Mapping[str, AccountRow]) -> dict[str, str]:
    """Letters and digits of a name or an id -> the one account that it can be."""
    found: dict[str, set[str]] = {}
    for each in known.values():
        for text in (each.id, each.name):
            found.setdefault(_plain(text), set()).add(each.id)
    return {plain: next(iter(ids)) for plain, ids in found.items() if plain and len(ids) == 1}


def _plain(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


unmatched = tab("data-unmatched", show)
matched = act("data-unmatched", match)
parted = act("data-unmatched", part)

"""The owner map: which user is meant where a system names an owner by an id or a name of its own."""

from __future__ import annotations

from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.history import settle
from tocsin.facts.importing.upsert import make_changes
from tocsin.facts.past import EVER, Past
from tocsin.facts.valuewords import Meaning, forget_with, meanings, say_with

PLACES = (("accounts", "owner"), ("opportunities", "owner"))


def is_user(store: DuckStore, given: str, email: str) -> int:
    """Say that an owner is the user of that address: in all that comes, by value maps, and in all that is stored.

    Gives how many accounts it was the owner of. UserError where maps would lead from one owner to another.
    """
    with store.write() as cursor:
        for collection, name in PLACES:
            say_with(cursor, Meaning("", collection, name, given, email))
        make_changes(cursor)
        past = Past(cursor, store.zone)
        concerned = (
            "SELECT key FROM accounts WHERE owner = ? "
            "UNION SELECT account_key FROM account_history WHERE field = 'owner' AND value = ?"
        )
        cursor.execute(f"INSERT INTO touched SELECT 'accounts', key FROM ({concerned})", [given, given])
        past.note(f"SELECT key, {EVER} FROM touched")
        counted = cursor.execute("UPDATE accounts SET owner = ? WHERE owner = ?", [email, given]).fetchone()
        cursor.execute("UPDATE account_history SET value = ? WHERE field = 'owner' AND value = ?", [email, given])
        cursor.execute("UPDATE opportunities SET owner = ? WHERE owner = ?", [email, given])
        settle(cursor, store.zone, {"account_history"}, past)
        past.write()
    return int(counted[0]) if counted else 0


def mapped(store: DuckStore) -> dict[str, str]:
    """The owners of which it is said who they are, for all sources: as given -> the address of the user."""
    return {each.given: each.meant for each in meanings(store) if not each.source and (each.collection, each.name) in PLACES}


def is_nobody(store: DuckStore, given: str) -> str:
    """Take back which user an owner is, for what comes from now on; what is stored stays. Gives the address of that user.

    UserError where nothing is said of it.
    """
    meant = mapped(store).get(given)
    with store.write() as cursor:
        if not sum(forget_with(cursor, "", place, given) for place in PLACES):
            raise UserError(f"it is not said which user {given!r} is; `tocsin owners list` shows of whom it is")
    return meant or ""

"""The workspace: one home folder, its settings, and what opens lazily from it (facts, operational data, definitions).

A home is made by the first command that needs it. It holds `tocsin.sqlite3` (operational data), `facts.duckdb` (customer
facts), `secret-key`, `lock` (held by the process that owns the home) and, while a server runs, `server.json`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, zone_named
from tocsin.core.networks import networks
from tocsin.databases import Database, Postgres, Sqlite, read_database
from tocsin.ingest.limits import KB, Limits
from tocsin.ingest.origins import ANY

if TYPE_CHECKING:
    from tocsin.alerts.facade import Formulas
    from tocsin.core.rules import Definitions
    from tocsin.engine import Book
    from tocsin.facts.duckdb import DuckStore

DEFAULT_HOME = "tocsin-home"
DATABASE, FACTS, SECRET, LOCK, SERVER = "tocsin.sqlite3", "facts.duckdb", "secret-key", "lock", "server.json"
DEMO = "demo.json"  # says that the home holds the demo book
ROLES = ("admin", "operations", "leader", "csm", "viewer")
SEE_CSMS = ("own", "leaders")
INBOX, PULLS, UPLOADS, MAPPINGS = "inbox", "pulls", "uploads", "mappings"
POSTGRES = ("postgres", "postgresql")
OPERATIONAL = " (people, rules, alerts and deliveries may be in PostgreSQL: that is TOCSIN_DATABASE_URL)"
OURS = frozenset({DATABASE, FACTS, SECRET, LOCK, SERVER, DEMO, INBOX, PULLS, UPLOADS, MAPPINGS})


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of a workspace, checked.

    database: where the operational data lives. facts: path of the DuckDB file.
    currency: what money is reported in, None where it is not converted. internal_domains: e-mail domains of our own people.
    churn_tolerance: the share of its customers that the company puts up with losing in a year, None where it is not set.
    outbound_allow: private networks that messages may go to, with commas between.
    csm_alerts: who sees alerts about a CSM, one of SEE_CSMS. oidc_create: the role of strangers whom the identity provider
    confirms, '' where they are refused. pull_folders: what pages and programs may name as places to pull from.
    trusted_proxies: networks whose word on who asks counts. ingest_origins: the sites whose pages may send events.
    """

    home: Path
    zone: ZoneInfo
    database: Database
    facts: Path
    currency: str | None
    internal_domains: tuple[str, ...]
    secret: str | None
    churn_tolerance: float | None = None
    outbound_allow: str = ""
    csm_alerts: str = SEE_CSMS[0]
    oidc_create: str = ""
    limits: Limits = field(default_factory=Limits)
    pull_folders: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    ingest_origins: frozenset[str] = frozenset({ANY})


def configure(home: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Configuration:
    """The settings from `--home` and the environment; touches no file. UserError names the setting that is wrong."""
    given = os.environ if environ is None else environ
    place = Path(home or given.get("TOCSIN_HOME") or DEFAULT_HOME).expanduser().absolute()
    try:
        zone = zone_named(given.get("TOCSIN_TIMEZONE") or "UTC")
    except MomentError as error:
        raise UserError(f"TOCSIN_TIMEZONE: {error}") from error
    currency = (given.get("TOCSIN_CURRENCY") or "").strip().upper() or None
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise UserError(f"TOCSIN_CURRENCY: {currency!r} is no currency; give its three-letter code, such as EUR or USD")
    domains = (given.get("TOCSIN_INTERNAL_DOMAINS") or "").replace(",", " ").lower().split()
    return Configuration(
        home=place,
        zone=zone,
        database=read_database(given.get("TOCSIN_DATABASE_URL"), place / DATABASE, place),
        facts=_facts(given.get("TOCSIN_FACTS_URL"), place),
        currency=currency,
        internal_domains=tuple(domain.removeprefix("@") for domain in domains),
        secret=given.get("TOCSIN_SECRET_KEY") or None,
        churn_tolerance=_share(given.get("TOCSIN_CHURN_TOLERANCE"), "TOCSIN_CHURN_TOLERANCE"),
        outbound_allow=",".join(map(str, networks(given.get("TOCSIN_OUTBOUND_ALLOW") or "", "TOCSIN_OUTBOUND_ALLOW"))),
        csm_alerts=_one_of(SEE_CSMS, given.get("TOCSIN_CSM_ALERTS"), "TOCSIN_CSM_ALERTS") or SEE_CSMS[0],
        limits=_limits(given),
        trusted_proxies=tuple(map(str, networks(given.get("TOCSIN_TRUSTED_PROXIES") or "", "TOCSIN_TRUSTED_PROXIES"))),
        ingest_origins=_origins(given.get("TOCSIN_INGEST_ORIGINS")),
        oidc_create=_one_of(ROLES, given.get("TOCSIN_OIDC_CREATE"), "TOCSIN_OIDC_CREATE"),
        pull_folders=_folders(given.get("TOCSIN_PULL_FOLDERS"), place),
    )


def _folders(text: str | None, home: Path) -> tuple[str, ...]:
    """Folders by their whole paths, with colons between; without any the folder `pulls` of the home."""
    found = tuple(each.strip() for each in (text or "").split(":") if each.strip())
    for each in found:
        if not each.startswith("/"):
            raise UserError(f"TOCSIN_PULL_FOLDERS: {each!r} is no whole path; begin with /, and write : between two folders")
    return found or (str(home / PULLS),)


def _one_of(words: Sequence[str], text: str | None, setting: str) -> str:
    """One of a few words; '' where it is not set. A slip in a setting of who sees what must not open more than was meant."""
    said = (text or "").strip()
    if said and said not in words:
        raise UserError(f"{setting}: {said!r} is not known; give one of {', '.join(words)}, or leave it out")
    return said


def _origins(text: str | None) -> frozenset[str]:
    """The origins whose pages may send events; `*` where it is not set."""
    found = frozenset((text or "").replace(",", " ").split()) or frozenset({ANY})
    for each in found:
        if each not in (ANY, "none") and not re.fullmatch(r"https?://[^/\s]+", each):
            raise UserError(
                f"TOCSIN_INGEST_ORIGINS: {each!r} is no origin; "
                "write such as https://app.example.com, or * for all, none for none"
            )
    return found


def _limits(given: Mapping[str, str]) -> Limits:
    """The limits of ingestion, as far as they are set."""
    usual = Limits()
    return Limits(
        message=_whole(given, "TOCSIN_INGEST_MESSAGE_KB", usual.message // KB, 4_096) * KB,
        body=_whole(given, "TOCSIN_INGEST_BATCH_KB", usual.body // KB, 8_192) * KB,
        ahead=timedelta(hours=_whole(given, "TOCSIN_INGEST_AHEAD_HOURS", 24, 24 * 366)),
        backlog=_whole(given, "TOCSIN_INBOX_MB", usual.backlog // KB**2, 1024 * 1024) * KB**2,
        upload=_whole(given, "TOCSIN_UPLOAD_MB", usual.upload // KB**2, 1024 * 1024) * KB**2,
        upload_kept=timedelta(hours=_whole(given, "TOCSIN_UPLOAD_HOURS", 24, 24 * 366)),
    )


def _whole(given: Mapping[str, str], setting: str, usual: int, most: int) -> int:
    """A whole number from 1; the usual one where it is not set."""
    said = (given.get(setting) or "").strip()
    if not said:
        return usual
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= most):
        raise UserError(f"{setting}: {said[:20]!r} is no whole number from 1 to {most:,}")
    return int(said)


def _share(text: str | None, setting: str) -> float | None:
    """A share as a number or a percent, from 0 to 1; None where it is not set."""
    said = (text or "").strip()
    if not said:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(%?)", said)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1
    if not 0 <= share <= 1:
        raise UserError(f"{setting}: {said!r} is no share; write a percent such as 8%, or a number from 0 to 1 such as 0.08")
    return share


def _facts(url: str | None, home: Path) -> Path:
    """The DuckDB file of TOCSIN_FACTS_URL: `duckdb:///absolute` or `duckdb://relative-to-home`."""
    if not url:
        return home / FACTS
    scheme, _, path = url.partition("://")
    if scheme != "duckdb" or not path:
        raise UserError(
            f"TOCSIN_FACTS_URL: this version keeps facts in DuckDB only, not in {scheme.split(':')[0]!r}; "
            f"write duckdb:///path/to/file, or leave it out{OPERATIONAL if scheme in POSTGRES else ''}"
        )
    return home / path


class Workspace:
    """An opened home. Safe to use from several threads; `close` when done."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._guard = threading.RLock()
        self._store: DuckStore | None = None
        self._book: tuple[tuple[object, ...], Definitions | Formulas, Book] | None = None
        self._ready = False
        self._listeners: list[Callable[[], None]] = []

    def listen(self, heard: Callable[[], None]) -> None:
        """Call this whenever the facts or what is said of them were changed here and are to be judged anew."""
        self._listeners.append(heard)

    def changed(self) -> None:
        """The facts or what is said of them were changed: whoever judges them is to do so soon."""
        for heard in self._listeners:
            heard()

    def address(self) -> str:
        """Where the server of this home is reached on this machine; '' where none runs."""
        try:
            return str(json.loads((self.home / SERVER).read_text("utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    @property
    def home(self) -> Path:
        """The folder that holds everything."""
        return self.configuration.home

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of calendar days."""
        return self.configuration.zone

    def make(self) -> None:
        """Make the home where it is missing (mode 700, a secret key of mode 600). UserError where that cannot be."""
        home = self.home
        try:
            made = _make_folder(home)
            if not made and not OURS & {entry.name for entry in home.iterdir()} and any(home.iterdir()):
                raise UserError(
                    f"{home} holds other files and is no Tocsin workspace; "
                    "give an empty or a new folder with --home or TOCSIN_HOME"
                )
            if not (home / SECRET).exists():
                home.chmod(stat.S_IRWXU)
                write_private(home / SECRET, secrets.token_urlsafe(48))
            (home / UPLOADS).mkdir(mode=0o700, exist_ok=True)  # what is being uploaded goes there, and nowhere else
        except OSError as error:
            raise UserError(
                f"the home {home} cannot be written ({error.strerror or error}); give another folder with --home or TOCSIN_HOME"
            ) from error

    def secret_key(self) -> str:
        """The key for signing: TOCSIN_SECRET_KEY, else the one kept in the home."""
        if self.configuration.secret:
            return self.configuration.secret
        try:
            return (self.home / SECRET).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.home / SECRET} cannot be read; set TOCSIN_SECRET_KEY or mend the file") from error

    def store(self) -> DuckStore:
        """The customer facts, opened on first use."""
        from tocsin.facts.duckdb import DuckStore
        from tocsin.ingest.recovery import recover

        with self._guard:
            if self._store is None:
                given = self.configuration
                self._store = DuckStore(
                    given.facts, given.zone, currency=given.currency, internal_domains=given.internal_domains
                )
                recover(self._store, self.home, given.limits)
            return self._store

    def django(self) -> None:
        """Set up Django on this workspace: once per process; brings the database and the shipped catalog up to date."""
        global _current  # noqa: PLW0603 - Django's settings are one per process, and so is the workspace they are made from
        with self._guard:
            if self._ready:
                return
            if _current not in (None, self):
                raise RuntimeError("another workspace is open in this process")
            _current = self
            import django
            from django.apps import apps

            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.settings")
            if not apps.ready:
                django.setup()
            from django.db import DatabaseError

            from tocsin.alerts import upkeep
            from tocsin.delivery.builtin import ensure_channels

            if isinstance(self.configuration.database, Sqlite):
                _make_private(self.configuration.database)
            try:
                upkeep.bring_up_to_date(datetime.now(UTC))
                ensure_channels(datetime.now(UTC))
            except DatabaseError as error:
                raise _unusable(self.configuration.database, error) from error
            self._ready = True

    def definitions(self) -> Definitions:
        """The signals, segments, profiles and rules in force."""
        self.django()
        from tocsin.alerts import facade

        return facade.definitions()

    def book(self, definitions: Definitions | None = None) -> Book:
        """The evaluator over this workspace's facts with the signals, segments and profiles in force.

        The same one until these or the facts change; events that come in leave it standing, as it knows none of them.
        definitions: those in force, where the caller has them already.
        """
        if definitions is None:
            self.django()
        from tocsin.alerts import facade as alerts
        from tocsin.engine import Book
        from tocsin.health import facade as health

        given = definitions or alerts.formulas()  # reading the rules takes longer than most of what is asked of a book
        model, store = health.model(), self.store()
        steps = health.milestone_versions()
        # A version of a profile or template never changes; the definitions are kept too, so that their ids stay theirs.
        marks = tuple(each.mark for versions in (model.versions, steps) for each in versions)
        made_of = (id(given.signals), id(given.segments), marks)
        key = (*made_of, id(store), store.generation_beside_events)
        known = self._book
        if known is None or known[0] != key:
            tolerance = self.configuration.churn_tolerance
            book = Book(store, given.signals, given.segments, health=model, milestones=steps, churn_tolerance=tolerance)
            known = self._book = (key, given, book)
        return known[2]

    def close(self) -> None:
        """Close what was opened. The workspace may be used again afterwards."""
        global _current  # noqa: PLW0603 - see `django`
        with self._guard:
            if self._store is not None:
                self._store.close()
                self._store = self._book = None
            if self._ready:
                from django.db import connections

                connections.close_all()
            if _current is self:
                _current = None
            self._ready = False


_current: Workspace | None = None


def current() -> Workspace | None:
    """The workspace on which Django was set up in this process; None outside of one (tests, the type checker)."""
    return _current


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (mode 600), whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _make_private(database: Sqlite) -> None:
    """Make the file that the database will fill, for its owner alone; UserError where it cannot be made."""
    try:
        os.close(os.open(database.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _unusable(database, error.strerror or error) from error


def _unusable(database: Database, why: object) -> UserError:
    if isinstance(database, Postgres):
        said = " ".join(str(why).replace(database.password, "***").split() if database.password else str(why).split())
        return UserError(
            f"the {database} cannot be used ({said}); check that the server runs, and the address, name and password"
        )
    return UserError(
        f"the operational data in {database} cannot be used ({why}); check that it is whole, "
        "that there is space, and that its folder can be written, or restore it from a copy"
    )


def _make_folder(home: Path) -> bool:
    """Make the folder where it is missing; says whether it was made. UserError where something else is there."""
    if home.is_dir():
        return False
    if home.exists() or home.is_symlink():
        raise UserError(f"the home {home} is not a folder; give another one with --home or TOCSIN_HOME")
    home.mkdir(mode=0o700, parents=True)
    return True

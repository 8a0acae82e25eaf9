"""The home: made on first use, its settings checked, everything that is wrong told in one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Tocsin
from tocsin import workspace
from tocsin.cli import main
from tocsin.core.errors import UserError
from tocsin.databases import Postgres, Sqlite
from tocsin.workspace import Workspace, configure


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_private_and_made_once(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    made = Workspace(configure(home, {}))
    made.make()
    assert mode(home) == 0o700
    assert mode(home / "secret-key") == 0o600
    key = made.secret_key()
    assert len(key) > 40
    made.make()
    assert made.secret_key() == key
    assert Workspace(configure(home, {"TOCSIN_SECRET_KEY": "given"})).secret_key() == "given"


def test_data_kept_outside_of_the_home_is_private_too(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    urls = {"TOCSIN_FACTS_URL": f"duckdb://{shared}/facts.duckdb", "TOCSIN_DATABASE_URL": f"sqlite://{shared}/data.sqlite3"}
    Tocsin(tmp_path / "home", tmp_path, urls).out("sweep")
    assert {each.name: mode(each) for each in shared.iterdir()} == {"facts.duckdb": 0o600, "data.sqlite3": 0o600}


def test_operational_data_that_cannot_be_made(tmp_path: Path) -> None:
    urls = {"TOCSIN_DATABASE_URL": f"sqlite://{tmp_path}/nowhere/data.sqlite3"}
    said = Tocsin(tmp_path / "home", tmp_path, urls).refused("sweep")
    assert "nowhere/data.sqlite3 cannot be used (No such file or directory)" in said


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = configure(None, {})
    assert (given.home, given.zone.key, given.currency, given.internal_domains) == (tmp_path / "tocsin-home", "UTC", None, ())
    assert (given.database, given.facts) == (Sqlite(given.home / "tocsin.sqlite3"), given.home / "facts.duckdb")
    assert given.churn_tolerance is None
    assert configure(None, {"TOCSIN_CHURN_TOLERANCE": ".05"}).churn_tolerance == 0.05


def test_settings(tmp_path: Path) -> None:
    given = configure(
        None,
        {
            "TOCSIN_HOME": str(tmp_path),
            "TOCSIN_TIMEZONE": "Europe/Berlin",
            "TOCSIN_CURRENCY": "eur",
            "TOCSIN_CHURN_TOLERANCE": " 8.5% ",
            "TOCSIN_INTERNAL_DOMAINS": "Us.example, @them.example",
            "TOCSIN_DATABASE_URL": "sqlite:///var/x.db",
            "TOCSIN_FACTS_URL": "duckdb://other.duckdb",
        },
    )
    assert given.zone.key == "Europe/Berlin"
    assert given.currency == "EUR"
    assert given.churn_tolerance == pytest.approx(0.085)
    assert given.internal_domains == ("us.example", "them.example")
    assert given.database == Sqlite(Path("/var/x.db"))
    assert given.facts == tmp_path / "other.duckdb"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TOCSIN_TIMEZONE", "Mars/Base", "TOCSIN_TIMEZONE: unknown time zone 'Mars/Base'"),
        ("TOCSIN_TIMEZONE", "../../etc/passwd", "TOCSIN_TIMEZONE: unknown time zone"),
        ("TOCSIN_CURRENCY", "EURO", "TOCSIN_CURRENCY: 'EURO' is no currency"),
        ("TOCSIN_CHURN_TOLERANCE", "8", "TOCSIN_CHURN_TOLERANCE: '8' is no share; write a percent such as 8%"),
        ("TOCSIN_CSM_ALERTS", "leader", "TOCSIN_CSM_ALERTS: 'leader' is not known; give one of own, leaders"),
        ("TOCSIN_OIDC_CREATE", "root", "TOCSIN_OIDC_CREATE: 'root' is not known; give one of admin, operations"),
        ("TOCSIN_CHURN_TOLERANCE", "little", "TOCSIN_CHURN_TOLERANCE: 'little' is no share"),
        ("TOCSIN_DATABASE_URL", "postgres://me:secret@db/", "TOCSIN_DATABASE_URL names no database"),
        ("TOCSIN_DATABASE_URL", "postgres://me:secret@db:port/x", "TOCSIN_DATABASE_URL is no address"),
        ("TOCSIN_DATABASE_URL", "postgres://me:secret@db/x?ssl=on", "unknown option 'ssl'; there are host, sslmode"),
        ("TOCSIN_DATABASE_URL", "mysql://me:secret@db/x", "TOCSIN_DATABASE_URL is not understood"),
        ("TOCSIN_DATABASE_URL", "sqlite:", "TOCSIN_DATABASE_URL is not understood"),
        ("TOCSIN_FACTS_URL", "spark://me:secret@host", "keeps facts in DuckDB only, not in 'spark'"),
        (
            "TOCSIN_FACTS_URL",
            "postgres://me:secret@db/facts",
            "or leave it out (people, rules, alerts and deliveries may be in PostgreSQL: that is TOCSIN_DATABASE_URL)",
        ),
        ("TOCSIN_FACTS_URL", "/a/path", "write duckdb:///path/to/file"),
    ],
)
def test_wrong_settings_are_named_and_secrets_are_not(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(name, value)
    assert main(["sweep"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="give another"):
            Workspace(configure(home, {})).make()


def test_a_home_that_cannot_be_written() -> None:
    with pytest.raises(UserError, match="cannot be written"):
        Workspace(configure("/proc/nowhere/home", {})).make()


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    before = mode(tmp_path)
    with pytest.raises(UserError, match="holds other files and is no Tocsin workspace"):
        Workspace(configure(tmp_path, {})).make()
    assert [each.name for each in tmp_path.iterdir()] == ["precious.txt"]
    assert mode(tmp_path) == before


def test_an_empty_folder_becomes_a_home(tmp_path: Path) -> None:
    Workspace(configure(tmp_path, {})).make()
    assert mode(tmp_path) == 0o700


def test_private_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "note"
    workspace.write_private(target, "one")
    workspace.write_private(target, "two")
    assert target.read_text() == "two"
    assert mode(target) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_a_database_of_postgresql_is_read_and_its_password_never_shown(tmp_path: Path) -> None:
    url = "postgresql://m%40e:s%2Fecret@db.example:6543/tocsin?sslmode=require"
    given = configure(tmp_path, {"TOCSIN_DATABASE_URL": url}).database
    assert given == Postgres("db.example", 6543, "tocsin", "m@e", "s/ecret", (("sslmode", "require"),))
    assert "ecret" not in f"{given} {given!r}"
    assert given.django()["OPTIONS"]["sslmode"] == "require"


def test_a_server_that_is_not_there_is_said_in_one_line(tocsin: Tocsin) -> None:
    tocsin.more["TOCSIN_DATABASE_URL"] = "postgres://me:s3cret@127.0.0.1:9/tocsin?connect_timeout=2"
    done = tocsin("rules", "list")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the PostgreSQL database 'tocsin' at 127.0.0.1:9 cannot be used" in done.stderr
    assert "s3cret" not in done.stderr

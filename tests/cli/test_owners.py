"""The owner map on the command line: who is listed, who is mapped, and what comes of it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Tocsin

FIELDS = ("owner", "accounts", "user", "active", "mapped")


def listed(tocsin: Tocsin) -> list[tuple[Any, ...]]:
    found = json.loads(tocsin.out("owners", "list", "--format", "json"))
    assert all(tuple(each) == FIELDS for each in found)
    return [tuple(each.values()) for each in found]


def test_an_owner_is_mapped_and_taken_back(tocsin: Tocsin) -> None:
    for name, role in (("ann", "csm"), ("bob", "csm"), ("ada", "admin")):
        tocsin.out("users", "create", "--email", f"{name}@us.example", "--name", name, "--role", role)
    tocsin.out("users", "deactivate", "bob@us.example")
    rows = ("a1,Acme,005Q", "a2,Bolt,005Q", "a3,Coil,Ann@us.example", "a4,Dune,bob@us.example", "a5,Etch,")
    (tocsin.cwd / "accounts.csv").write_text("id,name,owner\n" + "\n".join(rows) + "\n")
    tocsin.out("import", "accounts.csv")
    assert listed(tocsin) == [
        ("005Q", 2, None, None, False),
        ("Ann@us.example", 1, "ann@us.example", True, False),
        ("bob@us.example", 1, "bob@us.example", False, False),
    ]
    assert "there is no active user 'bob@us.example'" in tocsin.refused("owners", "map", "005Q", "bob@us.example")
    assert "did you mean 'ann@us.example'" in tocsin.refused("owners", "map", "005Q", "anne@us.example")
    said = tocsin("owners", "map", "005Q", " ANN@us.example")
    assert said.stderr == "005Q is ann@us.example, of 2 accounts and in all that comes from now on\n"
    assert listed(tocsin) == [
        ("ann@us.example", 2, "ann@us.example", True, False),
        ("Ann@us.example", 1, "ann@us.example", True, False),
        ("bob@us.example", 1, "bob@us.example", False, False),
        ("005Q", 0, "ann@us.example", True, True),
    ]
    (tocsin.cwd / "accounts.csv").write_text("id,name,owner\na6,Fern,005Q\n")
    tocsin.out("import", "accounts.csv")
    assert listed(tocsin)[0] == ("ann@us.example", 3, "ann@us.example", True, False)
    assert "is ann@us.example no more" in tocsin("owners", "unmap", "005Q").stderr
    assert "it is not said which user '005Q' is" in tocsin.refused("owners", "unmap", "005Q")
    (tocsin.cwd / "accounts.csv").write_text("id,name,owner\na7,Gale,005Q\n")
    tocsin.out("import", "accounts.csv")
    assert listed(tocsin)[:2] == [("005Q", 1, None, None, False), ("ann@us.example", 3, "ann@us.example", True, False)]

"""What README.md and docs/ say is so: every fenced block and every table of formulas is run or checked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.docs.pages import Block, Folder, PageError, blocks, commands, formulas, holds_definitions, matches
from tocsin.catalog import catalog
from tocsin.core.language import FormulaError, Names, check, parse
from tocsin.core.schema import COLLECTIONS, Collection

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# A page that begins with this finds the small book as files only; for every other one it is imported already.
EMPTY = "<!-- workspace: empty -->"
BOOK = Path(__file__).parent / "book"
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def attributes(collection: Collection) -> dict[str, str]:
    """The declared attributes by type; those typed by their values as the book of these tests has them."""
    return {column.name: "number" if column.type == "any" else column.type for column in collection}


def names() -> Names:
    """What formulas of the pages may name: the declared attributes and the catalog's signals."""
    return Names(attributes(COLLECTIONS["accounts"]), attributes(COLLECTIONS["people"]), dict(catalog().signals))


@pytest.fixture(scope="session")
def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory, targets: set[str]) -> Path:
    """A folder with the small book of business and a workspace that holds it."""
    path = tmp_path_factory.mktemp("book")
    shutil.copytree(BOOK, path / "book")
    Folder(path, targets).run(Block("tests/docs/book", "console", {}, "$ tocsin import book\n"))
    return path


@pytest.fixture
def empty(tmp_path: Path, targets: set[str]) -> Folder:
    """A folder with nothing in it."""
    return Folder(tmp_path, targets)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_what_a_page_shows_is_what_happens(page: Path, imported: Path, empty: Folder) -> None:
    text = page.read_text("utf-8")
    found = blocks(str(page.relative_to(ROOT)), text)
    if text.startswith(EMPTY):
        shutil.copytree(BOOK, empty.path / "book")
    elif any(block.language == "console" for block in found):
        shutil.copytree(imported, empty.path, dirs_exist_ok=True)
    for block in found:
        empty.run(block)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_formulas_of_a_page_are_sound(page: Path) -> None:
    for place, subject, formula in formulas(str(page.relative_to(ROOT)), page.read_text("utf-8")):
        try:
            check(parse(formula), subject, names())
        except FormulaError as error:
            pytest.fail(f"{place}: {formula}: {error}")


def test_the_guide_of_the_language_has_formulas() -> None:
    assert len(formulas("docs/language.md", (ROOT / "docs" / "language.md").read_text("utf-8"))) >= 30


def test_blocks_know_their_place_language_and_options() -> None:
    text = "# A\n\n```yaml file=a/b.yaml\nx: 1\n```\n\n- item\n\n  ```text\n  word\n  ```\n"
    assert blocks("p.md", text) == [
        Block("p.md:3", "yaml", {"file": "a/b.yaml"}, "x: 1\n"),
        Block("p.md:9", "text", {}, "word\n"),
    ]


@pytest.mark.parametrize("fence", ["```\nx\n```\n", "```bash\nls\n```\n"])
def test_a_fence_that_nobody_checks_is_found(fence: str) -> None:
    with pytest.raises(PageError, match=r"p\.md:1: a fence is one of"):
        blocks("p.md", fence)


def test_commands_continue_and_carry_settings() -> None:
    block = Block("p.md:1", "console", {}, "$ TOCSIN_TIMEZONE=UTC tocsin signals 'a b' \\\n> --as-of 2026-01-01\nid  x\n")
    (command,) = commands(block)
    assert command.words == ["tocsin", "signals", "a b", "--as-of", "2026-01-01"]
    assert (command.shown, command.environ) == ("id  x", {"TOCSIN_TIMEZONE": "UTC"})


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("$ make nothing\n", {}, "not in the Makefile"),
        ("$ rm -r .\n", {}, "commands are tocsin, make and cat"),
        ("$ cat missing\n", {}, "ended with 1, not 0"),
        ("$ cat note\nother words\n", {}, "but printed"),
        ("$ cat note\n", {"status": "2"}, "ended with 0, not 2"),
        ("$ tocsin up --no-such-option\n", {}, "has no --no-such-option"),
        ("no command\n", {}, "begins with `\\$ `"),
    ],
)
def test_a_console_block_that_is_not_so_is_found(empty: Folder, text: str, options: dict[str, str], sentence: str) -> None:
    (empty.path / "note").write_text("one\ntwo\n", "utf-8")
    with pytest.raises(PageError, match=sentence):
        empty.run(Block("p.md:1", "console", options, text))


def test_sound_blocks_pass(empty: Folder) -> None:
    empty.run(Block("p.md:1", "csv", {"file": "a/note.csv"}, "one\ntwo\nthree\n"))
    empty.run(Block("p.md:1", "console", {}, "$ make test\n$ cat a/note.csv\none\n...\nthree\n"))
    empty.run(Block("p.md:1", "python", {}, "assert 1 + 1 == 2\n"))


def test_python_that_fails_is_found(empty: Folder) -> None:
    with pytest.raises(PageError, match="ended with 1"):
        empty.run(Block("p.md:1", "python", {}, "assert 1 + 1 == 3\n"))


def test_rules_that_are_wrong_are_found(empty: Folder) -> None:
    with pytest.raises(PageError, match="rules check"):
        empty.run(Block("p.md:1", "yaml", {}, "- id: a\n  name: A\n  category: risk\n  when: nothing = 1\n"))


@pytest.mark.parametrize(("text", "held"), [("- id: a\n", True), ("rules: []\n", True), ("tickets: {a: b}\n", False)])
def test_definitions_are_told_from_other_yaml(text: str, *, held: bool) -> None:
    assert holds_definitions(text) is held


def test_tables_of_formulas_are_read() -> None:
    table = "| Formula | Meaning |\n|---|---|\n| `count(events)` | all |\n"
    assert formulas("p.md", table) == [("p.md:3", "account", "count(events)")]
    with pytest.raises(PageError, match=r"p\.md:3: the first cell"):
        formulas("p.md", table.replace("`", ""))


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert matches("a ... c", "a b\nc\n")
    assert not matches("a ... c", "a b\nd\n")
    assert matches("a b\n── ──\n1 2", "a     b\n───── ─────\n1     2\n")
    assert not matches("a\n──\n1", "a\n1\n")


def test_the_command_of_the_pages_is_installed() -> None:
    installed = Path(sys.executable).with_name("tocsin")
    told = subprocess.run([installed, "--version"], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"tocsin {version('tocsin')}\n", "")

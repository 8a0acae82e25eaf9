"""Markdown pages as tests read them: fenced blocks, formula tables, and a folder in which their commands run.

A fence says what it is, and may say more after that:

- `console`: lines after `$ ` are commands, the others their output, in which `...` stands for anything. `status=1` is the
  exit status that the commands end with. `tocsin` commands run; `make` ones must exist; `cat` shows a file.
- any other one with `file=PATH`: the file is put there. YAML that holds rules, signals, segments or
  profiles passes `tocsin rules check`.
- `formula`: a formula, checked; `subject=person` says for whom.
- `python`: is run. `text`: is shown and no more.

In a table whose first heading is `Formula`, every first cell is a formula.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

from ruamel.yaml import YAML

from tests import forking

FILES = ("yaml", "csv", "sql", "json")
KNOWN = (*FILES, "console", "formula", "python", "text")
# Commands that serve until they are stopped, or work for long: their options are checked, they are not run.
LONG = ("demo", "up", "bench")
_FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^\| *Formula *\|.*\n\|[-| :]+\|\n((?:\|.*\n?)+)", re.MULTILINE)


class PageError(AssertionError):
    """A page says what is not so; the message begins with the page and the line."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its place (`page:line`), its language, its options, its text."""

    place: str
    language: str
    options: dict[str, str]
    text: str


@dataclass(frozen=True)
class Command:
    """A command of a console block and the output shown for it."""

    words: list[str]
    shown: str
    environ: dict[str, str] = field(default_factory=dict)


def blocks(name: str, text: str) -> list[Block]:
    """The fenced blocks of a page in order; PageError for a fence of an unknown language."""
    found = []
    for fence in _FENCE.finditer(text):
        place = f"{name}:{text.count(chr(10), 0, fence.start()) + 1}"
        language, *words = fence[3].split() or [""]
        if language not in KNOWN:
            raise PageError(f"{place}: a fence is one of {', '.join(KNOWN)}, not {language!r}")
        body = re.sub(rf"^{fence[1]}", "", fence[4], flags=re.MULTILINE)
        found.append(Block(place, language, dict(word.split("=", 1) for word in words), body))
    return found


def formulas(name: str, text: str) -> list[tuple[str, str, str]]:
    """(place, subject, formula) of all formula blocks and formula tables of a page."""
    found = [
        (block.place, block.options.get("subject", "account"), block.text.strip())
        for block in blocks(name, text)
        if block.language == "formula"
    ]
    for table in _TABLE.finditer(text):
        first = text.count("\n", 0, table.start(1)) + 1
        for number, row in enumerate(table[1].strip().splitlines(), first):
            cell = re.match(r"\| *`([^`]+)`", row)
            if cell is None:
                raise PageError(f"{name}:{number}: the first cell of a table of formulas is a formula in backticks")
            found.append((f"{name}:{number}", "account", cell[1]))
    return found


def commands(block: Block) -> list[Command]:
    """The commands of a console block; `> ` continues the line before it."""
    found: list[Command] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        while line.endswith("\\"):
            more, _, shown = shown.partition("\n")
            line = line[:-1] + more.removeprefix(">")
        words = shlex.split(line, comments=True)
        environ = {}
        while words and re.match(r"[A-Z_]+=", words[0]):
            variable, _, value = words.pop(0).partition("=")
            environ[variable] = value
        found.append(Command(words, shown.rstrip(), environ))
    if not found:
        raise PageError(f"{block.place}: a console block has a line that begins with `$ `")
    return found


def holds_definitions(text: str) -> bool:
    """Whether a YAML text is a file of rules, signals, segments or profiles."""
    loaded = YAML(typ="safe").load(text)
    if isinstance(loaded, dict):
        return bool({"rules", "signals", "segments", "profiles"} & loaded.keys())
    return isinstance(loaded, list) and all(isinstance(each, dict) and "id" in each for each in loaded)


def matches(shown: str, *candidates: str) -> bool:
    """Whether one of the outputs is what a page shows.

    Spaces and line ends count as one, as does the rule below a table's heading however long; `...` is anything.
    """
    checker = OutputChecker()
    want, *got = (re.sub("─+", "─", text) + "\n" for text in (shown, *candidates))
    return any(checker.check_output(want, each, ELLIPSIS | NORMALIZE_WHITESPACE) for each in got)


class Folder:
    """A folder in which the commands of a page run, one after the other, as a reader would run them."""

    def __init__(self, path: Path, targets: set[str]) -> None:
        self.path, self.targets = path, targets
        self.environ = {"PATH": "/usr/bin:/bin", "HOME": str(path), "COLUMNS": "100", "LANG": "C.UTF-8"}

    def run(self, block: Block) -> None:
        """Do what a block says; PageError where it does not come out so."""
        if "file" in block.options:
            target = self.path / block.options["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, "utf-8")
        if block.language == "console":
            for command in commands(block):
                self._command(block, command)
        elif block.language == "yaml" and holds_definitions(block.text):
            name = block.options.get("file", "block.yaml")
            (self.path / name).write_text(block.text, "utf-8")
            self._expect(block, Command(["tocsin", "rules", "check", name], ""), status=0)
        elif block.language == "python":
            self._expect(block, Command([sys.executable, "-W", "error", "-c", block.text], ""), status=0)

    def _command(self, block: Block, command: Command) -> None:
        status = int(block.options.get("status", "0"))
        match command.words:
            case ["make", target, *_] if target not in self.targets:
                raise PageError(f"{block.place}: `make {target}` is not in the Makefile")
            case ["make", *_] | ["cd", _] | ["git", "clone", *_]:
                pass
            case ["tocsin", name, *rest] if name in LONG and "--no-serve" not in rest:
                self._has_options(block, name, [word for word in rest if word.startswith("--")])
            case ["tocsin", *_] | ["cat", _]:
                self._expect(block, command, status)
            case words:
                raise PageError(f"{block.place}: a page's commands are tocsin, make and cat, not {' '.join(words)!r}")

    def _has_options(self, block: Block, name: str, options: list[str]) -> None:
        done = self._call(Command(["tocsin", name, "--help"], ""))
        lacks = [option for option in options if option.split("=")[0] not in done.stdout]
        if done.returncode or lacks:
            raise PageError(f"{block.place}: `tocsin {name}` has no {', '.join(lacks) or 'help'}\n{done.stderr}")

    def _expect(self, block: Block, command: Command, status: int) -> None:
        done = self._call(command)
        if done.returncode != status:
            raise PageError(
                f"{block.place}: `{shlex.join(command.words)}` ended with {done.returncode}, not {status}\n"
                f"{done.stdout}{done.stderr}"
            )
        if command.shown and not matches(command.shown, done.stdout, done.stderr + done.stdout, done.stdout + done.stderr):
            raise PageError(
                f"{block.place}: `{shlex.join(command.words)}` shows\n{command.shown}\nbut printed\n{done.stderr}{done.stdout}"
            )

    def _call(self, command: Command) -> subprocess.CompletedProcess[str]:
        environ = self.environ | command.environ
        if command.words[0] == "tocsin":
            return forking.run(command.words[1:], env=environ, cwd=self.path)
        return subprocess.run(
            command.words,
            cwd=self.path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
        )

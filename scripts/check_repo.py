"""The repository's own rules, which no linter knows. Prints each breach as `path:line: sentence`; exit status 1 if any.

Each rule is a function from the repository's files to its breaches, so that tests can plant one and see it found.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

Files = Mapping[str, str]
"""Text files of the repository by their path, with forward slashes."""

LONGEST_FILE = 600
_BINARY = {".png", ".jpg", ".ico", ".gz", ".parquet", ".xlsx", ".woff2", ".duckdb"}

# Spelled in two halves, so that this file does not breach its own rules.
_HOST = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|^\S+ @ ")
_INDEX = re.compile(r"files\.python" + r"hosted|py" + r"pi\.org|/simple/(?:\s|$)|registry\.npm" + r"js")
_MACHINE = re.compile(r"(?<![\w.}])/(?:work|root|Users" + r"|home/[a-z]\w*)/[\w.]")
_UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
_SKIPPED = re.compile(r"pytest\.sk" + r"ip\(|mark\.sk" + r"ip|mark\.xf" + r"ail|import" + r"orskip|unittest\.sk" + r"ip")
_CLOCK = re.compile(r"\b(?:datetime\.now|datetime\.utcnow|date\.today|time\.time|time\.time_ns)\(")
_SETTING = re.compile(r"\bTOCSIN_[A-Z]+(?:_[A-Z]+)*\b")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"\bmake ([a-z][\w-]*)")


def tracked_files(root: Path) -> dict[str, str]:
    """The text files that git tracks, or would with the next add, under a root; those no longer there are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = sorted(name for name in set(listed.stdout.split("\0")) if name and (root / name).is_file())
    return {name: (root / name).read_text("utf-8") for name in paths if PurePosixPath(name).suffix not in _BINARY}


def _hits(pattern: re.Pattern[str], name: str, text: str) -> Iterator[tuple[str, str]]:
    """`path:line` and the found words of every line that the pattern finds something in."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := pattern.search(line):
            yield f"{name}:{number}", found[0].strip()


def file_sizes(files: Files) -> Iterator[str]:
    """No source file is longer than one can hold in mind."""
    for name, text in files.items():
        lines = text.count("\n")
        if name.endswith((".py", ".html", ".css", ".js", ".lark")) and "/vendor/" not in name and lines > LONGEST_FILE:
            yield f"{name}:1: {lines} lines, more than {LONGEST_FILE}; split it by what it is about"


def locks(files: Files) -> Iterator[str]:
    """Locks name no host and no path, and every requirement in them has a hash."""
    for name, text in files.items():
        if not (name.startswith("requirements/") and name.endswith(".txt")):
            continue
        for place, words in _hits(_HOST, name, text):
            yield f"{place}: {words!r} names a host; write the locks with `make lock`"
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            if "--hash=sha256:" not in requirement:
                yield f"{name}:1: {requirement.split()[0]} has no hash; write the locks with `make lock`"


def machine_paths(files: Files) -> Iterator[str]:
    """No path of one machine and no package index is written down anywhere."""
    for name, text in files.items():
        for place, words in _hits(_MACHINE, name, text):
            yield f"{place}: {words!r} is a path of one machine"
        for place, words in _hits(_INDEX, name, text):
            yield f"{place}: {words!r} names a package index"


def unfinished(files: Files) -> Iterator[str]:
    """What is in the repository is finished, and every test runs."""
    for name, text in files.items():
        if not name.startswith(("src/", "tests/", "scripts/", ".ci/", "Makefile")):
            continue
        for place, words in _hits(_UNFINISHED, name, text):
            yield f"{place}: {words!r}: finish it, or leave it out"
        for place, words in _hits(_SKIPPED, name, text):
            yield f"{place}: {words!r}: a test runs or is deleted"


def _anchors(text: str) -> set[str]:
    """The anchors of a Markdown text's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(files: Files, exists: Callable[[str], bool] | None = None) -> Iterator[str]:
    """Links of Markdown files to files and headings of the repository lead somewhere; `exists` asks for other files."""
    exists = exists or files.__contains__
    for name, text in files.items():
        if not name.endswith(".md"):
            continue
        prose = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
        for number, line in enumerate(prose.splitlines(), 1):
            for target in _LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                there = _resolved(name, path) if path else name
                if not exists(there):
                    yield f"{name}:{number}: {target} leads nowhere"
                elif anchor and there in files and anchor not in _anchors(files[there]):
                    yield f"{name}:{number}: {there} has no heading #{anchor}"


def _resolved(name: str, path: str) -> str:
    """The repository path of a relative link in a file."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / path).parts:
        if part == "..":
            parts[-1:] = []
        else:
            parts.append(part)
    return "/".join(parts)


def make_targets(files: Files) -> Iterator[str]:
    """What the documents tell people to `make` is in the Makefile."""
    known = set(re.findall(r"^([a-z][\w-]*):", files.get("Makefile", ""), re.MULTILINE))
    for name, text in files.items():
        if name.endswith(".md") or name == ".ci/run":
            code = "\n".join(re.findall(r"`[^`\n]+`", text) + [m[0] for m in _FENCE.finditer(text)])
            for target in sorted(set(_MAKE.findall(code if name.endswith(".md") else text)) - known):
                yield f"{name}:1: `make {target}` is not in the Makefile"


def clocks(files: Files) -> Iterator[str]:
    """The rooms below the apps are told the time; none of them reads a clock."""
    for name, text in files.items():
        if name.startswith(("src/tocsin/core/", "src/tocsin/facts/", "src/tocsin/engine/")):
            for place, words in _hits(_CLOCK, name, text):
                yield f"{place}: {words!r} reads a clock; take the moment as an argument"


def settings(files: Files) -> Iterator[str]:
    """Every setting of the environment is explained in docs/operations.md, and none that is not there."""
    explained = set(_SETTING.findall(files.get("docs/operations.md", "")))
    used = {word: name for name, text in files.items() if name.startswith("src/") for word in _SETTING.findall(text)}
    for word in sorted(used.keys() - explained):
        yield f"{used[word]}:1: {word} is not in docs/operations.md"
    for word in sorted(explained - used.keys()):
        yield f"docs/operations.md:1: {word} is no setting"


def changelog(files: Files) -> Iterator[str]:
    """The changelog begins with what is not released yet."""
    sections = re.findall(r"^## (.*)$", files.get("CHANGELOG.md", ""), re.MULTILINE)
    if not sections or sections[0] != "[Unreleased]":
        yield "CHANGELOG.md:1: the first section is not `## [Unreleased]`"


RULES = (file_sizes, locks, machine_paths, unfinished, make_targets, clocks, settings, changelog)


def breaches(root: Path) -> list[str]:
    """All breaches of all rules in the repository at a root, in the order of the rules."""
    files = tracked_files(root)
    found = [breach for rule in RULES for breach in rule(files)]
    return found + list(links(files, lambda path: (root / path).exists()))


def main() -> int:
    """Prints the breaches; 1 where there are any."""
    found = breaches(Path(__file__).resolve().parents[1])
    for breach in found:
        sys.stdout.write(breach + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

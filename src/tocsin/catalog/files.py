"""Rule files on disk."""

from __future__ import annotations

from pathlib import Path

from tocsin.core.errors import UserError

SUFFIXES = (".yaml", ".yml")
TESTS = tuple(f".test{suffix}" for suffix in SUFFIXES)  # beside a rule's file: what it must and must not fire for
MAX_BYTES = 5_000_000  # of one file; the largest catalog anybody has written is far below


def is_rule_file(name: str) -> bool:
    """Whether a file of that name in a folder holds definitions: YAML, and no tests of rules."""
    return name.lower().endswith(SUFFIXES) and not is_test_file(name)


def is_test_file(name: str) -> bool:
    """Whether a file of that name holds tests of a rule."""
    return name.lower().endswith(TESTS)


def rule_files(path: Path) -> tuple[tuple[str, str], ...]:
    """The rule files at a path, (name, text) each: the file itself, or all `*.yaml` and `*.yml` of a folder and those in it.

    Tests of rules (`*.test.yaml`) in a folder are passed over. The path is taken literally. UserError where there is
    nothing, or nothing that can be read.
    """
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if is_rule_file(each.name) and each.is_file())
        if not found:
            raise UserError(f"{path}: the folder holds no rule files; they end in .yaml or .yml")
        return tuple((str(each), read_text(each)) for each in found)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; give a rule file or a folder of them")
    if not path.is_file():
        raise UserError(f"{path}: is not a regular file; give a rule file or a folder of them")
    return ((str(path), read_text(path)),)


def read_text(path: Path) -> str:
    """The text of a rule file or a test file; UserError where it cannot be read, is too long or no UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UserError(
            f"{path}: a rule file has at most {MAX_BYTES // 1_000_000} MB, this one {len(content) / 1e6:.1f}; split it"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: is not UTF-8 text (line {line}); save it as UTF-8") from error

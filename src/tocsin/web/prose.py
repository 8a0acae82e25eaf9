"""Markdown of our own pages as HTML: paragraphs, numbered lists, tables, code; within a line code, bold, links.

Everything is escaped. Links lead to other sites only: what a page of the docs is to another one, the product is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|\[(?P<text>[^\]]+)\]\((?P<to>[^)\s]+)\)")
_NUMBERED = re.compile(r"\d+\. ")
_FENCE = "```"


def rendered(text: str) -> SafeString:
    """The text as HTML."""
    return format_html_join("\n", "{}", ((block,) for block in _blocks(text)))


def _blocks(text: str) -> Iterator[SafeString]:
    for fenced, lines in _parted(text):
        if fenced:
            yield format_html('<pre class="code" tabindex="0">{}</pre>', "\n".join(lines))
            continue
        for blank, group in groupby(lines, lambda line: not line.strip()):
            if not blank:
                yield _block(list(group))


def _parted(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Stretches of lines, and whether they are code between fences."""
    for number, part in enumerate(re.split(rf"^{_FENCE}.*\n?", text, flags=re.MULTILINE)):
        yield number % 2 == 1, part.rstrip("\n").split("\n")


def _block(lines: list[str]) -> SafeString:
    if lines[0].startswith("|"):
        return _table(lines)
    if not _NUMBERED.match(lines[0]):
        return format_html("<p>{}</p>", inline(" ".join(lines)))
    items: list[str] = []
    for line in lines:
        if begun := _NUMBERED.match(line):
            items.append(line[begun.end() :])
        else:
            items[-1] += f" {line.strip()}"
    return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((inline(item),) for item in items)))


def _table(lines: list[str]) -> SafeString:
    """The first line is the head, the second the rule below it."""
    head, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    body = format_html_join("", "<tr>{}</tr>", ((_cells(row, "<td>{}</td>"),) for row in rows))
    return format_html(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table class="table"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        ", ".join(head),
        _cells(head, '<th scope="col">{}</th>'),
        body,
    )


def _cells(cells: list[str], form: str) -> SafeString:
    return format_html_join("", form, ((inline(cell),) for cell in cells))


def inline(text: str) -> SafeString:
    """A line as HTML."""
    parts: list[SafeString] = []
    at = 0
    for found in _INLINE.finditer(text):
        parts += [format_html("{}", text[at : found.start()]), _marked(found)]
        at = found.end()
    return mark_safe("".join([*parts, format_html("{}", text[at:])]))  # noqa: S308 - each part is escaped


def _marked(found: re.Match[str]) -> SafeString:
    if found["code"]:
        return format_html("<code>{}</code>", found["code"])
    if found["bold"]:
        return format_html("<b>{}</b>", inline(found["bold"]))
    if found["to"].startswith("https://"):
        return format_html('<a class="link" href="{}" rel="noreferrer">{}</a>', found["to"], found["text"])
    return format_html("{}", found["text"])

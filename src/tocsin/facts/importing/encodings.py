"""The encodings of delimited text that can be asked for; without one the bytes tell it."""

from __future__ import annotations

import codecs
from difflib import get_close_matches

from tocsin.core.errors import UserError

# As Python names them -> as people know them. Those that no program of the last decades writes are left out.
ENCODINGS = {
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western Europe (1252)",
    "cp1250": "Windows, Central Europe (1250)",
    "cp1251": "Windows, Cyrillic (1251)",
    "cp1253": "Windows, Greek (1253)",
    "cp1254": "Windows, Turkish (1254)",
    "iso8859-15": "ISO 8859-15, Western Europe",
    "mac-roman": "Mac, Western Europe",
    "cp850": "DOS, Western Europe (850)",
    "utf-16": "UTF-16, with a mark",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "shift_jis": "Shift JIS, Japanese",
    "gb18030": "GB 18030, Chinese",
}


def encoding_named(name: str) -> str:
    """The encoding of that name as `ENCODINGS` has it. UserError for any other."""
    try:
        wanted = codecs.lookup(name.strip()).name
    except LookupError:
        wanted = ""
    for each in ENCODINGS:
        if codecs.lookup(each).name == wanted:
            return each
    near = get_close_matches(name.lower(), ENCODINGS, 1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(ENCODINGS)}"
    raise UserError(f"{name[:40]!r} is no encoding that can be read; {hint}")

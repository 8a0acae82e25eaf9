"""Packed text files: unpacked to the side, within bounds."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.facts.importing.sources import shown

CHUNK = 8 << 20
# Text packs to a tenth, seldom to a fiftieth: what unpacks to so much more than it was is made to fill a disk.
FREE = 64 << 20
RATIO = 200


def unpacked(file: Path, target: Path, shown_as: Path) -> Path:
    """Unpack a gzip file to the target; UserError where it is none, is damaged, or swells beyond all measure."""
    limit = max(FREE, RATIO * file.stat().st_size)
    size = 0
    try:
        with gzip.open(file) as source, target.open("wb") as out:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise UserError(
                        f"{shown(shown_as)} unpacks to more than {limit >> 20:,} MB; unpack it yourself and look at it"
                    )
                out.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{shown(shown_as)} is no gzip file, or is damaged; pack it again") from error
    return target

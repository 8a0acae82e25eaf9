"""Files that were sent: as the body itself or as parts of a form, laid into a folder of the home until they are imported."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from tocsin import serving
from tocsin.api.problems import ApiError
from tocsin.core.errors import UserError
from tocsin.facts.importing.matching import drafts

MB = 1024 * 1024
NOTHING = "no file was sent; send it as the body, or as a part `file` of a form"
MULTIPART, COLUMNS = "multipart/form-data", "columns"
# Media types of a body -> the ending that a file of it has.
ENDINGS = {
    "text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl",
    "application/json": ".jsonl", "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}  # fmt: skip
_BINARY = {"schema": {"type": "string", "format": "binary"}}
# What the document says of the body, which is read here and not by Ninja.
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, or a form with one or several files and, as `columns`, the text of a columns.yaml.",
        "content": {
            **dict.fromkeys((*ENDINGS, "application/octet-stream"), _BINARY),
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}, COLUMNS: {"type": "string"}},
                }
            },
        },
    }
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent. folder: of the files, which is nobody's business. columns: the text of a `columns.yaml`, '' for none."""

    folder: Path
    files: tuple[Path, ...]
    columns: str = ""


@contextmanager
def sent(request: HttpRequest, name: str) -> Iterator[Sent]:
    """The files of a request, which are gone afterwards.

    name: of a file that is the body; without an ending it gets that of the media type.
    ApiError 400, 413 or 422 for what cannot be read, is too large, or is in no format that is known.
    """
    here = serving.here()
    most = here.configuration.limits.upload
    place = here.home / drafts.FOLDER
    with ExitStack() as stack:
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sent-", dir=place)))
            if request.content_type == MULTIPART:
                given, columns = _parts(request, most, folder)
            else:
                given, columns = [_body(request, name, most, folder)], ""
            files = drafts.lay(folder / "files", drafts.checked(given))
        except UnreadablePostError as error:
            raise ApiError(400, "what was sent broke off before its end") from error
        except OSError as error:
            raise UserError(f"the files cannot be kept: {error.strerror or error}") from error
        yield Sent(folder / "files", tuple(files), columns)


def _body(request: HttpRequest, name: str, most: int, folder: Path) -> tuple[str, Path]:
    """The body as a file: what it is called, and where it lies."""
    media = request.content_type or ""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(
            422, "send the file as it is, without Content-Encoding; one that is packed is called name=accounts.csv.gz"
        )
    size, path = 0, folder / "body"
    with path.open("wb") as file:
        while chunk := request.read(MB):
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            file.write(chunk)
    if not size:
        raise ApiError(422, NOTHING)
    if not name:
        raise ApiError(422, "say what the rows are, as collection=accounts, or what the file is called, as name=accounts.csv")
    if "." not in name and media not in ENDINGS:
        raise ApiError(
            422,
            f"a body of the type {media[:80]!r} is in no format that is known; send text/csv, application/x-ndjson or "
            "application/vnd.apache.parquet, or say what the file is called: name=accounts.csv",
        )
    return name if "." in name else f"{name}{ENDINGS[media]}", path


def _parts(request: HttpRequest, most: int, folder: Path) -> tuple[list[tuple[str, Path]], str]:
    """The files of a form, and the text of its `columns`."""
    try:
        files, fields = request.FILES, request.POST
    except MultiPartParserError as error:
        raise ApiError(400, f"the form cannot be read: {error}") from error
    strange = [name for name in fields if name != COLUMNS]
    if strange:
        raise ApiError(
            422, f"the form has a field {strange[0][:60]!r}; what is asked for goes into the address, as ?collection="
        )
    given = [each for name in files for each in files.getlist(name)]
    if sum(each.size or 0 for each in given) > most:
        raise _too_large(most)
    if not given:
        raise ApiError(422, NOTHING)
    return [(each.name or "", _place(each, folder)) for each in given], str(fields.get(COLUMNS, ""))


def _place(given: UploadedFile[Any], folder: Path) -> Path:
    """Where an uploaded file lies on disk."""
    if isinstance(given, TemporaryUploadedFile):
        return Path(given.temporary_file_path())
    own = folder / f"{id(given):x}.part"
    with own.open("wb") as file:
        shutil.copyfileobj(given, file)
    return own


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"more than {most // MB:,} MB are not taken at once; import such files with tocsin import")

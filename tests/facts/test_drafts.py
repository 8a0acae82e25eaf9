"""Files that were handed over: kept for a while in the home, under names that cannot do harm."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.facts.conftest import NOW
from tocsin.core.errors import UserError
from tocsin.facts.importing.matching import drafts
from tocsin.facts.importing.matching.looks import look_at
from tocsin.facts.importing.matching.plans import proposed


def given(folder: Path, *names: str, text: str = "id,name\na1,Acme\n") -> list[tuple[str, Path]]:
    """Files that came in, under names of their own."""
    found = []
    for at, name in enumerate(names):
        path = folder / f"upload-{at}"
        path.write_text(text)
        found.append((name, path))
    return found


def test_a_draft_is_found_again_as_it_was(tmp_path: Path) -> None:
    found = drafts.begin(tmp_path, given(tmp_path, "accounts.csv"), by="ada", moment=NOW, saved="crm")
    assert (found.files, found.plan.saved, found.plan.tables, found.done) == (("accounts.csv",), "crm", None, False)
    looks = look_at(found.paths, told_from=found.folder / "files")
    drafts.keep_looks(found, looks)
    planned = drafts.planned(found, [proposed(each) for each in looks], full=True)
    again = drafts.draft(tmp_path, found.id)
    assert again == planned
    assert drafts.looks_of(again) == looks
    assert "accounts" in (drafts.decide(again) / "columns.yaml").read_text()
    drafts.keep_result(again, {"error": "x"})
    assert drafts.result_of(again) == {"error": "x"}
    assert drafts.draft(tmp_path, found.id).done
    assert (found.folder / "files" / "accounts.csv").stat().st_mode & 0o077 == 0, "nobody else reads it"


def test_names_can_do_no_harm(tmp_path: Path) -> None:
    names = ("../../etc/x.csv", "C:\\tmp\\y.csv", ".csv.csv", "a\nb.csv", "x" * 300 + ".csv.gz", "x.csv")
    found = drafts.begin(tmp_path, given(tmp_path, *names), by="ada", moment=NOW)
    assert len(found.files) == len(names)
    assert {"x.csv", "y.csv", "csv.csv", "a_b.csv", "x (2).csv"} < set(found.files)
    assert all(path.parent == found.folder / "files" for path in found.paths)
    assert max(len(each) for each in found.files) <= drafts.LONGEST_NAME


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file was chosen"):
        drafts.begin(tmp_path, [], by="ada", moment=NOW)
    with pytest.raises(UserError, match="no format that can be read"):
        drafts.begin(tmp_path, given(tmp_path, "a.csv", "b.docx"), by="ada", moment=NOW)
    with pytest.raises(UserError, match="too many at once"):
        drafts.begin(tmp_path, given(tmp_path, *(f"{n}.csv" for n in range(21))), by="ada", moment=NOW)
    assert drafts.drafts(tmp_path) == []
    for unknown in ("0" * 16, "../x", ""):
        with pytest.raises(UserError, match="not here any more"):
            drafts.draft(tmp_path, unknown)


def test_they_expire(tmp_path: Path) -> None:
    old = drafts.begin(tmp_path, given(tmp_path, "a.csv"), by="ada", moment=NOW - timedelta(hours=25))
    new = drafts.begin(tmp_path, given(tmp_path, "b.csv"), by="ada", moment=NOW)
    broken = tmp_path / drafts.FOLDER / "tmp.upload.csv"
    broken.write_text("half of it")
    os.utime(broken, (0, 0))
    assert [each.id for each in drafts.drafts(tmp_path)] == [new.id, old.id]
    assert drafts.clear_expired(tmp_path, NOW, timedelta(hours=24)) == 2
    assert [each.id for each in drafts.drafts(tmp_path)] == [new.id]
    assert drafts.discard(tmp_path, new.id).files == ("b.csv",)
    assert list((tmp_path / drafts.FOLDER).iterdir()) == []
    assert drafts.clear_expired(tmp_path / "nowhere", NOW, timedelta(0)) == 0


def test_what_another_version_has_left_is_no_draft_and_goes(tmp_path: Path) -> None:
    found = drafts.begin(tmp_path, given(tmp_path, "a.csv"), by="ada", moment=NOW)
    (found.folder / "looks.json").write_text('[{"file": "a.csv"}]')
    assert drafts.looks_of(found) is None, "it is looked at anew"
    (found.folder / "plan.json").write_text('{"at": "2026-01-01T00:00:00+00:00"}')
    assert drafts.drafts(tmp_path) == []
    os.utime(found.folder, (0, 0))
    assert drafts.clear_expired(tmp_path, NOW, timedelta(hours=24)) == 1
    assert not found.folder.exists()

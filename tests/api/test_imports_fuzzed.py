"""Whatever a program sends to be imported, the answer is the report, or says in a sentence why there is none; rows add up."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_imports import Call, facts, post
from tests.cli.test_import_fuzzed import files
from tocsin import workspace
from tocsin.api.uploads import ENDINGS
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.rejected import list_rejected

__all__ = ["facts"]
FIGURES = ("added", "updated", "unchanged", "rejected")
media = st.sampled_from([*ENDINGS, "application/octet-stream", "text/html", "text/csv; charset=utf-16", ""])
asked = st.fixed_dictionaries(
    {},
    optional={
        "collection": st.sampled_from([*COLLECTIONS, "nothing"]),
        "date_format": st.sampled_from(["DD.MM.YYYY", "%", "YYYY"]),
        "decimal": st.sampled_from([",", ".", "x"]),
        "full": st.just("true"),
        "dry_run": st.sampled_from(["true", "false"]),
    },
)


FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(file=files(), kind=media, how=asked, named=st.booleans())
def test_files_of_any_content(
    call: Call,
    facts: DuckStore,
    here: workspace.Workspace,
    file: tuple[str, bytes],
    kind: str,
    how: dict[str, str],
    named: bool,
) -> None:
    before = len(list_rejected(facts))
    answer = post(call("admin"), file[1], kind, **how, **({"name": file[0]} if named else {}))
    assert answer.status_code in (200, 422), answer.content
    said = answer.json()
    if answer.status_code == 422:
        assert said["detail"].strip()
        assert "Traceback" not in said["detail"]
        assert not re.search(r"\w+(Error|Exception)\b", said["detail"]), said["detail"]
        assert str(here.home) not in said["detail"]
        assert len(list_rejected(facts)) == before, "nothing of it is stored"
    else:
        for each in said["collections"]:
            assert each["read"] == sum(each[name] for name in FIGURES)
        assert said["dry_run"] == (how.get("dry_run") == "true")
        assert said["dry_run"] or len(list_rejected(facts)) >= said["rejected"]
    uploads = here.home / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


@FEW
@given(name=st.text(max_size=8) | st.sampled_from(["crm", "..", "a b", "é"]), text=st.text(max_size=40))
def test_mappings_of_any_text(call: Call, here: workspace.Workspace, name: str, text: str) -> None:
    admin = call("admin")
    path = f"/imports/mappings/{quote(name.encode('utf-8', 'replace').decode())}"
    kept = admin.send("PUT", path, {"columns": text})
    assert kept.status_code in (200, 400, 404, 405, 422), kept.content
    if kept.status_code == 200:
        whole = admin.get("/imports/mappings").json()
        assert [each["problem"] for each in whole] == [""]
        assert admin.send("DELETE", f"/imports/mappings/{quote(kept.json()['name'])}").status_code == 200
    assert admin.get("/imports/mappings").json() == []

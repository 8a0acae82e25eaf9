"""Rules: list, one with its versions, check, publish."""

from __future__ import annotations

from typing import Any

from ninja import Router, Schema
from pydantic import Field

from tocsin import serving
from tocsin.alerts import facade
from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError
from tocsin.core.moment import iso
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions

router = Router()
READ, WRITE = may("read"), may("rules:write")


class Rule(Schema):
    """A rule in force, as `tocsin rules list --format json` gives it."""

    id: str
    name: str
    category: str
    subject: str
    severity: str
    trigger: str
    state: str
    version: int
    origin: str
    open: int
    held: int
    matching: int | None
    unknown: str | None
    published_at: str
    by: str


class Version(Schema):
    """A version of a rule, as YAML."""

    version: int
    state: str
    published_at: str
    by: str
    source: str


class RuleWithVersions(Rule):
    """A rule with its versions, the latest first."""

    versions: list[Version]


class RuleFile(Schema):
    """A rule file."""

    yaml: str = Field(min_length=1, max_length=1_000_000)
    draft: bool = Field(False, description="keep the versions, and do not put them in force")


class Checked(Schema):
    """What a file holds."""

    rules: list[str]
    signals: list[str]
    segments: list[str]


class Published(Schema):
    """What publishing did."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    draft: bool


@router.get("/rules", response={200: list[Rule], **ERRORS}, auth=READ, operation_id="list_rules")
def listing(request: Caller) -> list[dict[str, Any]]:
    """All rules in force, by category and id."""
    return [each.to_json() for each in facade.list_rules(request.moment)]


@router.get("/rule-drafts", response={200: list[Rule], **ERRORS}, auth=READ, operation_id="list_drafts")
def drafts(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - who asks is all that matters of the request
    """The drafts: versions newer than those in force, judged by nothing yet."""
    return [each.to_json() for each in facade.list_drafts()]


@router.get("/rule-files", response={200: dict[str, str], **ERRORS}, auth=READ, operation_id="export_rules")
def export(request: Caller) -> dict[str, str]:  # noqa: ARG001
    """What is in force as rule files, name -> YAML; publishing them changes nothing."""
    return facade.export_rules()


@router.get("/rules/{rule_id}", response={200: RuleWithVersions, **ERRORS}, auth=READ, operation_id="get_rule")
def one(request: Caller, rule_id: str) -> dict[str, Any]:
    """One rule with its versions."""
    found = facade.rule(rule_id, request.moment)
    versions = [
        {
            "version": each.version,
            "state": each.state,
            "published_at": iso(each.published_at),
            "by": each.by,
            "source": each.source,
        }
        for each in facade.versions(rule_id)
    ]
    return {**found.to_json(), "versions": versions}


@router.post("/rule-files/check", response={200: Checked, **ERRORS}, auth=READ, operation_id="check_rules")
def check(request: Caller, given: RuleFile) -> dict[str, Any]:  # noqa: ARG001 - who asks is all that matters of the request
    """Read a rule file and say what it holds, or every problem with its line and column; changes nothing."""
    found = _read(given.yaml)
    return {"rules": [each.id for each in found.rules], "signals": sorted(found.signals), "segments": sorted(found.segments)}


@router.post("/rules", response={200: Published, **ERRORS}, auth=WRITE, operation_id="publish_rules")
def publish(request: Caller, given: RuleFile) -> dict[str, Any]:
    """Publish a rule file at once, or as drafts: all or nothing."""
    report = facade.publish_rules(_read(given.yaml), by=request.by, moment=request.moment, draft=given.draft)
    return {
        "added": list(report.added),
        "changed": list(report.changed),
        "unchanged": list(report.unchanged),
        "draft": report.draft,
    }


def _read(text: str) -> Definitions:
    """What the file holds. ApiError 422 with every problem and its place."""
    known = facade.definitions()
    definitions, problems = read_rules([("yaml", text)], names=serving.book(known).names, known=known)
    if problems:
        raise ApiError(
            422, f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the file", [str(each) for each in problems]
        )
    return definitions

"""What names mean where a formula stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tocsin.core.language.terms import Entity, Type
from tocsin.core.schema import COLLECTIONS, SUBJECT_COLLECTIONS, Collection, derived_columns

ENTITY_COLLECTIONS: Mapping[Entity, str] = {"account": "accounts", "person": "people", "csm": "csms", "team": "teams"}
# What formulas about the company may name: settings of the workspace.
SETTINGS: Mapping[str, Type] = MappingProxyType({"id": "text", "churn_tolerance": "number", "currency": "text"})
# What every account has without any column giving it: health, computed from the profiles; `health_profile` names the version
# that scored, `health_override` is what a person set; and the scores of forecasts.
ENGINE_SIGNALS: Mapping[str, Type] = MappingProxyType(
    {
        "health_score": "number",
        "health_band": "text",
        "health_profile": "text",
        "health_override": "number",
        "churn_risk": "number",
        "expansion_likelihood": "number",
        "conversion_likelihood": "number",
    }
)


def typed_by_values(collection: str, name: str) -> bool:
    """Whether all values of an attribute or column together give its type: tier, risk, custom attributes."""
    declared = COLLECTIONS[collection]
    if name in declared:
        return declared.column(name).type == "any"
    return (
        declared.custom and name not in derived_columns(declared) and not (collection == "accounts" and name in ENGINE_SIGNALS)
    )


@dataclass(frozen=True)
class Names:
    """The names that a workspace knows besides those of the schema.

    accounts, people: attribute -> type, for those typed by their values (tier, risk, custom attributes). Where a type is
                      `unknown` the attribute has no value yet and goes with every type.
    signals:          name -> formula.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, str] = field(default_factory=dict)

    def attribute(self, entity: Entity, name: str) -> Type | None:
        """The type of an attribute of a subject; None where there is no such attribute."""
        if entity == "company":
            return SETTINGS.get(name)
        if name == "id":
            return "text"
        return self._typed(COLLECTIONS[ENTITY_COLLECTIONS[entity]], name)

    def mixed(self, entity: Entity, name: str) -> bool:
        """Whether the values of an attribute gave it no other type than text, so that each is read by itself."""
        collection = ENTITY_COLLECTIONS.get(entity)
        return collection is not None and typed_by_values(collection, name) and self.attribute(entity, name) == "text"

    def column(self, collection: str, name: str) -> Type | None:
        """The type of a column of a row: declared, derived or custom; None where there is no such column."""
        declared = COLLECTIONS[collection]
        return derived_columns(declared).get(name) or self._typed(declared, name)  # type: ignore[return-value]

    def columns(self, collection: str) -> list[str]:
        """All columns that rows of a collection have, for suggestions."""
        declared = COLLECTIONS[collection]
        return [*declared.names, *derived_columns(declared), *self._customs(collection)]

    def attributes(self, entity: Entity) -> list[str]:
        """All attributes of a kind of subject, for suggestions."""
        if entity == "company":
            return list(SETTINGS)
        collection = ENTITY_COLLECTIONS[entity]
        return list(dict.fromkeys(["id", *COLLECTIONS[collection].names, *self._customs(collection)]))

    def collections(self, subject: str) -> tuple[str, ...]:
        """The collections that a subject's formulas may range over."""
        return SUBJECT_COLLECTIONS[subject]

    def _customs(self, collection: str) -> Mapping[str, str]:
        return {"accounts": {**self.accounts, **ENGINE_SIGNALS}, "people": self.people}.get(collection, {})

    def _typed(self, declared: Collection, name: str) -> Type | None:
        customs = self._customs(declared.name)
        kind: str | None = declared.column(name).type if name in declared else None
        if kind in {None, "any"}:
            kind = customs.get(name, "unknown" if kind == "any" else None)
        return "null" if kind == "unknown" else kind  # type: ignore[return-value]

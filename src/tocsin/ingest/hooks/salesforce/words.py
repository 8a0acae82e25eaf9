"""Salesforce's fields and words as the collections have them."""

from __future__ import annotations

from collections.abc import Mapping

COLLECTION = {"Account": "accounts", "Contact": "people", "Opportunity": "opportunities", "Case": "tickets"}
# Field -> column, for the fields that are taken as they stand.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "Name": "name",
        "OwnerId": "owner",
        "Industry": "industry",
        "ParentId": "parent_id",
        "CreatedDate": "created_at",
        "CurrencyIsoCode": "currency",
    },
    "Contact": {"AccountId": "account_id", "Name": "name", "Email": "email", "CreatedDate": "created_at"},
    "Opportunity": {
        "AccountId": "account_id",
        "Amount": "amount",
        "CurrencyIsoCode": "currency",
        "OwnerId": "owner",
        "StageName": "stage",
        "CloseDate": "expected_on",
        "CreatedDate": "opened_at",
    },
    "Case": {"AccountId": "account_id", "ContactId": "person_id", "CreatedDate": "opened_at", "Subject": "subject"},
}
# Fields that are read for what they mean, or that mean nothing here: they become no custom attributes.
KNOWN = frozenset(
    {"Id", "attributes", "Owner", "IsDeleted", "LastModifiedDate", "SystemModstamp", "LastModifiedById", "CreatedById"}
    | {"FirstName", "LastName", "MasterRecordId", "LastViewedDate", "LastReferencedDate", "PhotoUrl", "OwnerEmail"}
)
PRIORITIES = {
    "low": "low",
    "medium": "normal",
    "normal": "normal",
    "high": "high",
    "critical": "critical",
    "urgent": "critical",
}
KINDS = {
    "new business": "new",
    "new customer": "new",
    "existing business": "expansion",
    "existing customer - upgrade": "expansion",
    "existing customer - downgrade": "renewal",
    "existing customer - replacement": "renewal",
    "add-on business": "expansion",
    "upsell": "expansion",
    "expansion": "expansion",
    "renewal": "renewal",
}
FORECASTS = {
    "commit": "commit",
    "forecast": "commit",
    "best case": "best_case",
    "bestcase": "best_case",
    "omitted": "omitted",
}
WON, LOST = "Closed Won", "Closed Lost"

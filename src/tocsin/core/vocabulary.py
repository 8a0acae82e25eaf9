"""The words that columns of collections use, where the product gives them a meaning, and what people call columns.

Formulas compare texts as they are: a stage that a system calls `2 - Implementation` is nobody's `Onboarding` until a value map
says so. The columns here are those that value maps are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tocsin.core.schema import STATUSES

Place = tuple[str, str]  # collection, column

# The words that the product knows. Empty: every company has its own, and those that it uses are known by being declared.
KNOWN: Mapping[Place, tuple[str, ...]] = MappingProxyType({
    ("accounts", "status"): STATUSES,
    ("accounts", "lifecycle_stage"): ("Trial", "Onboarding", "Adoption", "Established", "Renewal", "Churned"),
    ("people", "role"): ("champion", "power_user", "point_of_contact", "sponsor", "admin", "user"),
    ("account_team", "role"): ("csm", "ae", "onboarding", "sponsor", "support"),
    ("events", "kind"): ("login", "feature", "page", "click", "error", "other"),
    ("touchpoints", "kind"): ("call", "meeting", "email", "qbr", "training", "note", "in_app", "other"),
    ("meetings", "kind"): ("call", "meeting", "qbr", "training", "kickoff"),
    ("tickets", "kind"): ("support", "product_issue"),
    ("tickets", "priority"): ("low", "normal", "high", "critical"),
    ("surveys", "kind"): ("nps", "csat", "ces"),
    ("opportunities", "kind"): ("new", "expansion", "renewal"),
    ("opportunities", "outcome"): ("won", "lost"),
    ("csms", "role"): ("csm", "manager", "director", "admin", "operations", "leader", "viewer"),
    ("accounts", "owner"): (),
    ("opportunities", "owner"): (),
    ("accounts", "tier"): (),
    ("accounts", "segment"): (),
    ("accounts", "plan"): (),
    ("opportunities", "stage"): (),
    ("opportunities", "forecast"): (),
    ("onboardings", "stage"): (),
})  # fmt: skip

# What other systems call a collection, in lower-case letters and digits alone; plurals are found by themselves.
CALLED: Mapping[str, str] = MappingProxyType({
    "customer": "accounts", "company": "accounts", "client": "accounts", "organization": "accounts", "organisation": "accounts",
    "tenant": "accounts", "workspace": "accounts", "kunde": "accounts", "kunden": "accounts", "firmen": "accounts",
    "accountlist": "accounts", "contact": "people", "user": "people", "member": "people", "person": "people",
    "kontakte": "people", "lead": "people", "case": "tickets", "issue": "tickets", "conversation": "tickets",
    "deal": "opportunities", "pipeline": "opportunities", "activity": "touchpoints", "call": "touchpoints",
    "engagement": "touchpoints", "note": "touchpoints", "interaction": "touchpoints", "nps": "surveys", "csat": "surveys",
    "feedback": "surveys", "surveyresponse": "surveys", "bill": "invoices", "payment": "invoices", "rechnungen": "invoices",
    "contract": "subscriptions", "licence": "subscriptions", "license": "subscriptions", "usage": "events", "log": "events",
    "track": "events", "pageview": "events", "clickstream": "events", "appointment": "meetings", "calendar": "meetings",
    "csm": "csms", "customersuccessmanager": "csms", "owner": "csms", "exchangerate": "rates", "fx": "rates", "todo": "tasks",
    "alias": "account_aliases", "externalid": "account_aliases", "implementation": "onboardings", "accountteam": "account_team",
    "history": "account_history", "accountchange": "account_history", "measure": "metrics", "kpi": "metrics",
})  # fmt: skip

# What other systems call a column, likewise: collection ('' for all of them) -> column -> names.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "": {
        "account_id": "account customer customerid customernumber customerno company companyid client clientid org orgid "
        "organization organizationid organisationid tenant tenantid workspaceid accountnumber accountno groupid kundennummer "
        "kundennr accountname companyname",
        "person_id": "user userid contact contactid member memberid person personid requester requesterid actor profileid",
        "currency": "curr currencycode waehrung currencyisocode",
        "at": "timestamp time datetime date occurredat createdat eventtime happenedat eventdate datum zeitpunkt when",
        "kind": "type category eventtype tickettype casetype art",
        "opened_at": "createdat created opened createddate opendate createdon erstelltam",
        "resolved_at": "closedat solvedat closed resolved closeddate resolveddate solved geloestam",
        "owner": "ownerid ownername owneremail accountowner csm csmemail accountmanager assignee salesrep betreuer",
        "due_on": "duedate due dueat faelligam deadline",
        "stage": "phase dealstage stagename step",
        "seats": "licenses licences quantity users seatsbought licensecount purchasedseats",
        "mrr": "monthlyrecurringrevenue monthlyrevenue mrrusd mrreur monthlyamount",
        "plan": "planname package subscriptionplan tarif edition",
        "product": "productname sku produkt",
        "subject": "title summary betreff headline",
        "minutes": "duration durationminutes timespent",
        "feature": "featurename module area",
    },
    "accounts": {
        "id": "accountid customerid customernumber customerno companyid clientid orgid organizationid tenantid accountnumber "
        "accountno recordid kundennummer kundennr externalid nummer",
        "name": "accountname company companyname customer customername client clientname organization organizationname firma "
        "kunde kundenname title",
        "owner": "csm csmemail csmname accountowner accountmanager owneremail ownername successmanager betreuer",
        "tier": "class klasse accounttier customertier rank priority",
        "lifecycle_stage": "stage lifecycle phase journeystage customerstage lifecyclestage",
        "status": "state accountstatus customerstatus subscriptionstatus",
        "seats_used": "activeseats usedlicenses assignedseats licensesused activeusers usedseats",
        "created_at": "createdat created signupdate customersince since startdate signedup joinedat kundeseit createddate "
        "becamecustomer contractstart",
        "churned_at": "churndate churned cancelledat canceledat cancellationdate lostat enddate terminatedat churnedon",
        "cancel_requested_at": "cancelrequested noticegiven noticedate kuendigungam",
        "renews_on": "renewaldate renewal nextrenewal contractend contractenddate renewson vertragsende expirydate expireson",
        "trial_ends_on": "trialend trialenddate trialexpires trialendsat",
        "churn_reason": "cancellationreason lossreason reason kuendigungsgrund",
        "industry": "sector branche vertical",
        "region": "country territory geo land",
        "segment": "marketsegment customersegment size companysize",
        "parent_id": "parent parentaccount parentid parentcompany",
    },
    "people": {
        "id": "userid contactid personid memberid recordid email",
        "name": "fullname displayname contactname username",
        "email": "emailaddress mail mailaddress",
        "role": "jobtitle title position persona function rolle usertype",
        "created_at": "createdat created signupdate joinedat createddate",
        "deleted_at": "deletedat deactivatedat removedat leftat",
    },
    "events": {
        "id": "eventid messageid uuid",
        "name": "event eventname action activity eventtype type",
        "minutes": "duration durationminutes timespent sessionminutes",
    },
    "tickets": {
        "id": "ticketid caseid casenumber issueid issuekey key ticketnumber number",
        "priority": "severity urgency prioritaet impact",
        "sla_due_at": "slatarget sladue duedate slabreachat",
    },
    "touchpoints": {
        "id": "activityid",
        "by": "owner csm createdby user author rep",
        "notes": "description body comment details text notizen",
        "kind": "type activitytype channel",
    },
    "surveys": {"score": "rating value nps answer points result", "comment": "feedback text verbatim reason", "kind": "type"},
    "invoices": {
        "id": "invoiceid invoicenumber number rechnungsnummer",
        "amount": "total amountdue value sum betrag gross net totalamount",
        "issued_on": "issuedate invoicedate issued created date rechnungsdatum issuedat",
        "due_on": "duedate due dueat faelligam",
        "paid_on": "paiddate paidat paid paymentdate bezahltam",
    },
    "subscriptions": {
        "id": "subscriptionid contractid",
        "starts_on": "startdate start startedat begins contractstart currentperiodstart",
        "renews_on": "renewaldate enddate currentperiodend contractend termend",
        "ended_on": "endedat cancelledat canceledat terminationdate",
        "billing_period": "interval billinginterval billingcycle",
        "auto_renew": "autorenewal renewsautomatically",
    },
    "opportunities": {
        "id": "dealid opportunityid recordid",
        "amount": "value dealvalue acv arr betrag",
        "closed_at": "closedate closed wonat lostat",
        "expected_on": "expectedclosedate forecastdate closedate expectedclose",
        "outcome": "result status won",
        "kind": "type dealtype opportunitytype pipeline",
    },
    "csms": {"email": "emailaddress mail", "manager": "manageremail lead boss reportsto", "team": "teamname group pod"},
    "metrics": {"name": "metric metricname key", "value": "amount count number reading"},
    "tasks": {"title": "subject task name", "assignee": "owner assignedto user"},
    "rates": {"on": "date day", "currency": "from code", "rate": "value fx"},
}
SYNONYMS: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType({
    collection: {column: frozenset(words.split()) for column, words in columns.items()}
    for collection, columns in _NAMES.items()
})  # fmt: skip
"""Collection ('' for all of them) -> column -> what others call it, in lower-case letters and digits alone."""


def plain(name: str) -> str:
    """A name in lower case without all that is no letter or digit: `Customer No.` is `customerno`. Umlauts are spelled out."""
    spelled = name.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    return "".join(each for each in spelled if each.isalnum())

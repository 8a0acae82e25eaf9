"""Signatures of all vendors: the known answers, and every way in which one is not good."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from tests.ingest.hooks.helpers import NOW, SECRET, request, signed
from tocsin.core.errors import UserError
from tocsin.ingest.hooks import VENDORS, Refused, Request
from tocsin.ingest.hooks.signatures import sign_standard

BODY = b'{"id":"evt_1"}'
NAMES = sorted(VENDORS)
TIMED = ("stripe", "hubspot", "zendesk")
AT = datetime.fromtimestamp(1700000000, UTC)
STRIPE = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925"


def refused(vendor: str, sent: Request, *secrets: str) -> str:
    with pytest.raises(Refused) as caught:
        VENDORS[vendor].verify(sent, secrets)
    assert isinstance(caught.value, UserError)
    assert not any(each and each in str(caught.value) for each in secrets)
    return str(caught.value)


def with_headers(sent: Request, **headers: str) -> Request:
    return replace(sent, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_stripe_known_answer() -> None:
    header = f"t=1700000000,v1={STRIPE}"
    sent = request("stripe", BODY, {"stripe-signature": header}, received=AT)
    VENDORS["stripe"].verify(sent, ["whsec_test"])
    assert VENDORS["stripe"].sign(sent, "whsec_test") == {"stripe-signature": header}


def test_hubspot_known_answer() -> None:
    headers = {
        "x-hubspot-signature-v3": "jVv3/rM3l2Ynf896g06D6oetGy+3aiM460XG3RzpXYs=",
        "x-hubspot-request-timestamp": "1700000000000",
    }
    sent = Request("POST", "https://cs.example.com/in/hubspot", headers, BODY, AT)
    VENDORS["hubspot"].verify(sent, ["cs"])
    assert VENDORS["hubspot"].sign(sent, "cs") == headers


def test_zendesk_known_answer() -> None:
    headers = {
        "x-zendesk-webhook-signature": "ahCMfcfT1dUvSkwLn5lrfRMNxQy35AmhxcaBZ7lxYrA=",
        "x-zendesk-webhook-signature-timestamp": "2026-11-21T00:00:00Z",
    }
    sent = request("zendesk", BODY, headers, received=datetime(2026, 11, 21, tzinfo=UTC))
    VENDORS["zendesk"].verify(sent, ["zsecret"])
    assert VENDORS["zendesk"].sign(sent, "zsecret") == headers


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SECRET])
def test_standard_webhooks_known_answer(secret: str) -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = datetime.fromtimestamp(1614265330, UTC)
    sent = request("generic", b'{"test": 2432232314}', headers, received=at)
    VENDORS["generic"].verify(sent, [secret])
    assert sign_standard(sent, secret, headers["webhook-id"]) == headers


def test_standard_webhooks_by_the_reference() -> None:
    sent = request("generic", BODY)
    reference = Reference(SECRET).sign("msg_1", NOW, BODY.decode())
    assert sign_standard(sent, SECRET, "msg_1")["webhook-signature"] == reference


def test_intercom_and_jira_are_hex_of_the_body() -> None:
    sha1 = hmac.new(b"cs", BODY, hashlib.sha1).hexdigest()
    sha256 = hmac.new(b"cs", BODY, hashlib.sha256).hexdigest()
    VENDORS["intercom"].verify(request("intercom", BODY, {"x-hub-signature": f"sha1={sha1}"}), ["cs"])
    VENDORS["jira"].verify(request("jira", BODY, {"x-hub-signature": f"sha256={sha256}"}), ["cs"])
    VENDORS["jira"].verify(request("jira", BODY, {"x-hub-signature": f"SHA256={sha256.upper()}"}), ["cs"])
    for name in ("x-tocsin-signature", "x-hub-signature-256"):
        VENDORS["generic"].verify(request("generic", BODY, {name: f"sha256={sha256}"}), ["cs"])
    VENDORS["salesforce"].verify(request("salesforce", BODY, {"x-tocsin-signature": f"sha256={sha256}"}), ["cs"])


@pytest.mark.parametrize("vendor", NAMES)
def test_a_sample_is_signed_verified_and_read(vendor: str) -> None:
    sample = VENDORS[vendor].sample(NOW)
    sent = signed(vendor, sample)
    VENDORS[vendor].verify(sent, [SECRET])
    reading = VENDORS[vendor].read(sent, {})
    assert reading.rows
    assert not reading.ignored
    assert reading.delivery_id == VENDORS[vendor].read(sent, {}).delivery_id
    assert VENDORS[vendor].name == vendor
    assert VENDORS[vendor].secret_hint.endswith(".")


@pytest.mark.parametrize("vendor", NAMES)
@pytest.mark.parametrize("secrets", [[], [""], ["", "  "]])
def test_without_a_secret_nothing_is_taken(vendor: str, secrets: list[str]) -> None:
    assert "no signing secret" in refused(vendor, signed(vendor, BODY), *secrets)
    empty = {"authorization": "Bearer ", "x-tocsin-signature": f"sha256={hmac.new(b'', BODY, hashlib.sha256).hexdigest()}"}
    refused(vendor, request(vendor, BODY, empty), *secrets)
    with pytest.raises(Refused):
        VENDORS[vendor].sign(request(vendor, BODY), "")


@pytest.mark.parametrize("vendor", NAMES)
def test_any_of_several_secrets_will_do_and_no_other(vendor: str) -> None:
    sent = signed(vendor, BODY, "new")
    VENDORS[vendor].verify(sent, ["old", "", "new"])
    assert "does not match" in refused(vendor, sent, "old", "older")


@pytest.mark.parametrize("vendor", NAMES)
def test_a_tampered_body_is_refused(vendor: str) -> None:
    sent = signed(vendor, BODY)
    refused(vendor, replace(sent, body=BODY + b" "), SECRET)
    refused(vendor, replace(sent, body=b""), SECRET)


@pytest.mark.parametrize("vendor", NAMES)
def test_missing_headers_are_refused(vendor: str) -> None:
    sent = signed(vendor, BODY)
    refused(vendor, replace(sent, headers={}), SECRET)
    for name in sent.headers:
        refused(vendor, replace(sent, headers={other: sent.headers[other] for other in sent.headers if other != name}), SECRET)
        for value in ("", " ", "x", "=", "sha256=", "t=,v1=", "ü", "t=1,t=2,v1=a", "9" * 40, "-5", "1.5", "²"):
            refused(vendor, replace(sent, headers={**sent.headers, name: value}), SECRET)


@pytest.mark.parametrize("vendor", TIMED)
def test_five_minutes_either_way(vendor: str) -> None:
    sent = signed(vendor, BODY)
    for seconds in (-300, -1, 0, 299, 300):
        VENDORS[vendor].verify(replace(sent, received=NOW + timedelta(seconds=seconds)), [SECRET])
    for seconds in (-301, 301, 86_400, -86_400):
        assert "five minutes" in refused(vendor, replace(sent, received=NOW + timedelta(seconds=seconds)), SECRET)


def test_standard_webhooks_have_five_minutes_and_several_signatures() -> None:
    bare = request("generic", BODY)
    headers = sign_standard(bare, SECRET, "msg_1")
    both = {**headers, "webhook-signature": f"v1a,xyz v1,AAAA {headers['webhook-signature']}"}
    VENDORS["generic"].verify(replace(bare, headers=both), [SECRET])
    late = replace(bare, headers=headers, received=NOW + timedelta(seconds=301))
    assert "five minutes" in refused("generic", late, SECRET)
    refused("generic", replace(bare, headers={**headers, "webhook-id": "msg_2"}), SECRET)
    refused("generic", replace(bare, headers={**headers, "webhook-timestamp": "x"}), SECRET)
    refused("generic", replace(bare, headers={**headers, "webhook-signature": headers["webhook-signature"][3:]}), SECRET)
    assert "base64" in refused("generic", replace(bare, headers=headers), "whsec_=", "whsec_!!!", "ü")
    with pytest.raises(Refused):
        sign_standard(bare, "whsec_!!!", "msg_1")


def test_a_wrong_signature_is_not_made_good_by_the_bearer_token() -> None:
    sent = request("generic", BODY, {"x-tocsin-signature": "sha256=00", "authorization": f"Bearer {SECRET}"})
    refused("generic", sent, SECRET)
    refused("salesforce", sent, SECRET)


@pytest.mark.parametrize("vendor", ["generic", "salesforce"])
def test_a_bearer_token(vendor: str) -> None:
    for scheme in ("Bearer", "bearer"):
        VENDORS[vendor].verify(request(vendor, BODY, {"authorization": f"{scheme} cs"}), ["other", "cs"])
    for value in ("Bearer", "Bearer ", "Basic cs", "cs", "Bearer c", "Bearer css", "Bearer ü"):
        refused(vendor, request(vendor, BODY, {"authorization": value}), "cs")


def test_stripe_takes_any_v1_and_no_v0() -> None:
    good = f"v1={STRIPE}"
    for header in (f"t=1700000000,v1=00,{good}", f"t=1700000000, {good} ,v0=1", f"{good},t=1700000000"):
        VENDORS["stripe"].verify(request("stripe", BODY, {"stripe-signature": header}, received=AT), ["whsec_test"])
    for header in (f"t=1700000000,v0={STRIPE}", good, "t=1700000000", f"t=1700000001,{good}", f"t=1700000000,v1={STRIPE[:-1]}"):
        refused("stripe", request("stripe", BODY, {"stripe-signature": header}, received=AT), "whsec_test")


def test_hubspot_signs_method_and_the_decoded_address() -> None:
    sent = signed("hubspot", BODY)
    refused("hubspot", replace(sent, method="PUT"), SECRET)
    refused("hubspot", replace(sent, url=sent.url.replace("https", "http")), SECRET)
    plain = request("hubspot", BODY, query="?a=x@y:z/1&b=%20")
    headers = VENDORS["hubspot"].sign(plain, SECRET)
    coded = request("hubspot", BODY, headers, query="?a=x%40y%3az%2F1&b=%20")
    VENDORS["hubspot"].verify(coded, [SECRET])
    old = request("hubspot", BODY, {"x-hubspot-signature": "0" * 64, "x-hubspot-signature-version": "v2"})
    assert "v3" in refused("hubspot", old, SECRET)


def test_the_request_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scheme compares by `hmac.compare_digest`, every secret with every signature, also after one that fits."""
    calls: list[tuple[bytes, bytes]] = []
    real: Callable[[bytes, bytes], bool] = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        calls.append((left, right))
        return real(left, right)

    monkeypatch.setattr("tocsin.ingest.hooks.signatures.hmac.compare_digest", compare)
    for vendor in NAMES:
        calls.clear()
        VENDORS[vendor].verify(signed(vendor, BODY), [SECRET, "other", "third"])
        assert len(calls) == 3, vendor

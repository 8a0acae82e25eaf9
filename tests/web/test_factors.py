"""Second factors, passkeys, and an identity provider: a real one on loopback that signs what it says."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.web.conftest import NOW, PASSWORD
from tocsin import workspace
from tocsin.people import facade as people
from tocsin.people.models import User

MAYA = "maya@quill.example"


def signed_in_now(client: Client) -> bool:
    return client.get("/alerts/").status_code == 200


def code(secret: str, *, later: int = 0) -> str:
    """What the app shows, now or half a minute later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


@pytest.fixture
def with_factor(here: workspace.Workspace) -> tuple[Client, str]:
    """Maya, with an authenticator app set up through the pages; gives its secret."""
    client = Client()
    client.post("/sign-in/", {"email": MAYA, "password": PASSWORD})
    asked = client.get("/account/factors/totp/activate/")
    assert asked["Location"].startswith("/account/confirm/"), "whoever sits down at an open page changes nothing"
    client.post("/account/confirm/", {"password": PASSWORD})
    page = client.get("/account/factors/totp/activate/").content.decode()
    secret = re.search(r'value="([A-Z2-7]{32})"', page)
    assert secret is not None
    wrong = client.post("/account/factors/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert not Authenticator.objects.exists()
    done = client.post("/account/factors/totp/activate/", {"code": code(secret[1])})
    assert done.status_code == 302
    return client, secret[1]


def test_a_second_factor_is_asked_for(with_factor: tuple[Client, str]) -> None:
    _, secret = with_factor
    other = Client()
    asked = other.post("/sign-in/", {"email": MAYA, "password": PASSWORD, "next": "/rules/"})
    assert asked["Location"] == "/account/factors/authenticate/"
    assert not signed_in_now(other), "the password alone opens nothing"
    assert b"authenticator code" in other.get("/account/factors/authenticate/").content
    assert other.post("/account/factors/authenticate/", {"code": "123456"}).status_code == 200
    assert not signed_in_now(other)
    let_in = other.post("/account/factors/authenticate/", {"code": code(secret, later=1)})
    assert let_in["Location"] == "/rules/"
    assert signed_in_now(other)


def test_a_link_is_no_way_around_it(with_factor: tuple[Client, str]) -> None:
    other = Client()
    followed = other.get(people.make_link(MAYA, moment=NOW))
    assert followed["Location"] == "/account/factors/authenticate/"
    assert not signed_in_now(other)


def test_recovery_codes_work_once(with_factor: tuple[Client, str]) -> None:
    client, _ = with_factor
    shown = client.get("/account/factors/recovery-codes/").content.decode()
    [first, *_] = re.findall(r"\b[0-9a-f]{8}\b", shown.partition("<textarea")[2])
    for works in (True, False):
        other = Client()
        other.post("/sign-in/", {"email": MAYA, "password": PASSWORD})
        other.post("/account/factors/authenticate/", {"code": first})
        assert signed_in_now(other) is works


def test_nobody_signs_up(here: workspace.Workspace) -> None:
    for path in ("/account/signup/", "/account/provider/signup/", "/account/password/reset/"):
        assert Client().get(path).status_code in (302, 404)
    assert User.objects.count() == 5


class Provider:
    """An identity provider: discovery, consent without asking, tokens signed by RS256, and what it knows of who comes."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {"sub": "1", "email": MAYA, "email_verified": True, "name": "Maya"}
        self.codes: dict[str, dict[str, str]] = {}
        self.url = ""

    def answer(self, path: str, query: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        """A redirect (302, where to) or JSON."""
        if path == "/.well-known/openid-configuration":
            names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            return 200, {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                **{f"{name}_endpoint": f"{self.url}/{place}" for name, place in names.items()},
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path == "/jwks":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [{**public, "kid": "k", "alg": "RS256", "use": "sig"}]}
        if path == "/authorize":
            given = secrets.token_hex(8)
            self.codes[given] = query
            return 302, f"{query['redirect_uri']}?{urlencode({'code': given, 'state': query['state']})}"
        if path == "/token":
            asked = self.codes.pop(form["code"])
            proof = base64.urlsafe_b64encode(_sha256(form["code_verifier"])).decode().rstrip("=")
            assert proof == asked["code_challenge"], "the code is for who asked for it"
            now = int(time.time())
            claims = {
                **self.claims,
                "iss": self.url,
                "aud": "tocsin",
                "iat": now,
                "exp": now + 300,
                "nonce": asked.get("nonce", ""),
            }
            token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k"})
            return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        return 200, self.claims


def _sha256(text: str) -> bytes:
    import hashlib

    return hashlib.sha256(text.encode()).digest()


@pytest.fixture
def provider(here: workspace.Workspace, settings: Any) -> Iterator[Provider]:
    """It runs on loopback, and the product knows it."""
    there = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self.reply({name: values[0] for name, values in parse_qs(body).items()})

        def reply(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            status, said = there.answer(parts.path, {name: each[0] for name, each in parse_qs(parts.query).items()}, form)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", said)
                self.end_headers()
                return
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there.url = f"http://127.0.0.1:{server.server_address[1]}"
    app = {
        "provider_id": "oidc",
        "name": "Quill SSO",
        "client_id": "tocsin",
        "secret": "s",
        "settings": {"server_url": there.url},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    yield there
    server.shutdown()
    server.server_close()


def come_by(provider: Provider, client: Client) -> Any:
    """Go through the provider as a browser does; gives the product's last answer."""
    sent = client.post("/account/oidc/oidc/login/?process=login&next=/rules/")
    assert sent.status_code == 302, sent.content.decode()[-1500:]
    parts = urlsplit(sent["Location"])
    assert sent["Location"].startswith(provider.url)
    _, back = provider.answer(parts.path, {name: each[0] for name, each in parse_qs(parts.query).items()}, {})
    here = urlsplit(back)
    return client.get(f"{here.path}?{here.query}")


def test_who_the_provider_confirms_comes_in(provider: Provider) -> None:
    client = Client()
    assert b"Quill SSO" in client.get("/sign-in/").content
    assert come_by(provider, client)["Location"] == "/rules/"
    assert client.get("/alerts/").context["shell"].email == MAYA


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email_verified": False}, "does not confirm your e-mail address"),
        ({"email": "eve@evil.example", "sub": "2"}, "is no user here"),
        ({"email": "gone@quill.example", "sub": "3"}, "no longer active"),
    ],
)
def test_others_do_not(provider: Provider, claims: dict[str, Any], said: str) -> None:
    people.create_user("gone@quill.example", "Gone", "csm", moment=NOW)
    people.set_active("gone@quill.example", False, by="ada@quill.example", moment=NOW)
    provider.claims |= claims
    client, before = Client(), User.objects.count()
    refused = come_by(provider, client)
    assert refused["Location"] == "/sign-in/"
    assert said in client.get("/sign-in/").content.decode()
    assert not signed_in_now(client)
    assert User.objects.count() == before


def test_strangers_become_users_where_a_role_is_set_for_them(provider: Provider, settings: Any) -> None:
    settings.TOCSIN_OIDC_CREATE = "viewer"
    provider.claims |= {"email": "new@quill.example", "sub": "4", "name": "New Here"}
    client = Client()
    come_by(provider, client)
    made = people.person("new@quill.example")
    assert made is not None
    assert (made.role, made.active, signed_in_now(client)) == ("viewer", True, True)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_passkey_is_added_and_signs_in(chromium: str, live_server: Any, here: workspace.Workspace) -> None:
    address = live_server.url.replace("127.0.0.1", "localhost")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context().new_page()
        tools = page.context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto(f"{address}/sign-in/")
        page.fill("[name=email]", MAYA)
        page.fill("[name=password]", PASSWORD)
        page.click("form[action='/sign-in/'] button")
        page.wait_for_url("**/alerts/**")
        page.goto(f"{address}/account/factors/webauthn/add/")
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.fill("[name=name]", "This laptop")
        page.check("[name=passwordless]")
        page.click("#mfa_webauthn_add")
        page.wait_for_url(lambda url: "add" not in url)
        page.context.clear_cookies()
        page.goto(f"{address}/sign-in/")
        page.click("#passkey_login")
        page.wait_for_url("**/alerts/**")
        assert page.locator(".topbar").is_visible()
        browser.close()

"""Django's settings, made from the workspace that this process has open.

Outside of a workspace (tests, the type checker) they stand on a database in memory and a key of the moment. Nothing of a
customer is a constant here: the time zone, the database and the secret come from the workspace.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from tocsin import workspace
from tocsin.databases import read_database

_open = workspace.current()

DEBUG = False
SECRET_KEY = _open.secret_key() if _open else secrets.token_urlsafe(48)
# The server binds to loopback unless told otherwise, and adds the address it binds to; the name by which it is reached behind a
# proxy is set here.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *os.environ.get("TOCSIN_ALLOWED_HOSTS", "").replace(",", " ").split()]
CSRF_TRUSTED_ORIGINS = os.environ.get("TOCSIN_TRUSTED_ORIGINS", "").replace(",", " ").split()

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "tocsin.people",
    "tocsin.sources",
    "tocsin.health",
    "tocsin.alerts",
    "tocsin.delivery",
    "tocsin.web",  # before allauth, whose pages it dresses
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

MIDDLEWARE = [
    "tocsin.people.middleware.Guarded",
    "tocsin.api.middleware.Problems",
    "tocsin.people.middleware.StaticFiles",
    "tocsin.people.middleware.Once",
    "django.middleware.security.SecurityMiddleware",
    "tocsin.web.middleware.WholeTexts",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "tocsin.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Outside of a workspace: a database in memory, or the one that a run of the tests asks for.
_elsewhere = read_database(os.environ.get("TOCSIN_TEST_DATABASE_URL"), Path(":memory:"), Path())
DATABASES = {"default": (_open.configuration.database if _open else _elsewhere).django()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["tocsin.people.backend.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Second factors, passkeys and an identity provider by django-allauth. Users are made by administrators and files, so nobody
# signs up, and addresses need no further confirmation.
ACCOUNT_ADAPTER = "tocsin.people.signing.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "tocsin.people.signing.SocialAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "tocsin.people.signing.FactorAdapter"
MFA_TOTP_ISSUER = "Tocsin"
MFA_TOTP_TOLERANCE = 1  # half a minute that a telephone's clock may be off
TOCSIN_OIDC_NAME = os.environ.get("TOCSIN_OIDC_NAME", "")
TOCSIN_OIDC_CREATE = _open.configuration.oidc_create if _open else ""
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": TOCSIN_OIDC_NAME or "Single sign-on",
                "client_id": os.environ.get("TOCSIN_OIDC_CLIENT_ID", ""),
                "secret": os.environ.get("TOCSIN_OIDC_SECRET", ""),
                "settings": {"server_url": os.environ["TOCSIN_OIDC_ISSUER"]},
            }
        ]
        if os.environ.get("TOCSIN_OIDC_ISSUER")
        else [],
    }
}
SOCIALACCOUNT_LOGIN_ON_GET = False

# Who sees alerts about a CSM's performance: `own` (those who lead, and that CSM) or `leaders`.
TOCSIN_CSM_ALERTS = _open.configuration.csm_alerts if _open else "own"

LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"

# By which the product is reached from outside (https://tocsin.example.com): links in messages begin with it.
TOCSIN_PUBLIC_URL = os.environ.get("TOCSIN_PUBLIC_URL", "").rstrip("/")

# Private networks that messages may go to; the mail server, as smtp://user:password@host:port?tls=starttls, and who writes.
TOCSIN_OUTBOUND_ALLOW = _open.configuration.outbound_allow if _open else ""
# What pages and programs may name as folders and files to pull from; the command line may name any.
TOCSIN_PULL_FOLDERS = _open.configuration.pull_folders if _open else ()
TOCSIN_SMTP_URL = os.environ.get("TOCSIN_SMTP_URL", "")
TOCSIN_MAIL_FROM = os.environ.get("TOCSIN_MAIL_FROM", "")

SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_NAME = "tocsin_session"
CSRF_COOKIE_NAME = "tocsin_csrf"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# A workspace on loopback speaks plain HTTP; one that is reached by HTTPS says so, and its cookies travel by nothing else.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("TOCSIN_HTTPS", "") == "1"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SESSION_COOKIE_SECURE  # on this machine browsers allow passkeys without HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

USE_TZ = True
TIME_ZONE = _open.zone.key if _open else "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 60

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # matching the columns of several files is one form
# What is uploaded is written to the home as it comes, from where it needs only be renamed; `asgi.Front` bounds its size.
FILE_UPLOAD_HANDLERS = ["tocsin.web.uploading.ToDisk"]
FILE_UPLOAD_TEMP_DIR = str(_open.home / workspace.UPLOADS) if _open else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "tocsin.logs.MaskTokens"}},
    "formatters": {"line": {"()": "tocsin.logs.OneLine", "format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["masked"]}},
    # Bodies, cookies and queries of requests are never logged. That a page is not there is no news.
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "tocsin": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}

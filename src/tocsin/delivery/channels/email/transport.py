"""E-mail: to a person, or to one shared mailbox; by the product's mail server, or by the channel's own."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import formataddr, parseaddr
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

from tocsin.core.errors import UserError
from tocsin.delivery.channels.base import TIMEOUT, Channel, PermanentError, Receipt, SendError, Target, refuse_unknown
from tocsin.delivery.channels.email.letter import letter
from tocsin.delivery.channels.email.server import Server, backend, server_of
from tocsin.delivery.channels.networks import ForbiddenError, check_host
from tocsin.delivery.message import Message


class Email:
    """E-mail by SMTP."""

    kind: ClassVar[str] = "email"
    title: ClassVar[str] = "E-mail"
    personal: ClassVar[bool] = True
    shows_secret: ClassVar[bool] = False

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """url: of a mail server of its own (kept as the secret, as it holds a password); from; to: of a shared mailbox."""
        refuse_unknown(config, ("url", "from", "to"), self.kind)
        url = str(config.get("url") or secret).strip()
        if url:
            server = server_of(url, where="the url")
            try:
                check_host(server.host, server.port)
            except ForbiddenError as error:
                raise UserError(str(error)) from error
        kept = {}
        if config.get("from"):
            kept["from"] = _sender(str(config["from"]), "from")
        if config.get("to"):
            kept["to"] = _address(str(config["to"]), "to")
        return kept, url

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:
        """Hand one mail in. What the server refuses for good is not tried again."""
        shared = not target.email
        address = target.email or str(channel.config.get("to") or "")
        if not address:
            raise PermanentError(
                "e-mail goes to a person, or to the mailbox that the channel's setting `to` names; neither is given"
            )
        to = Target(target.delivery_id, address, target.name, target.conversation)
        try:
            server, sender = server_for(channel), sender_of(channel)
        except UserError as error:
            raise SendError(str(error)) from error
        mail = letter(to, message, sender, moment, shared=shared)
        with _Line(backend(server, TIMEOUT / 2), server) as line:
            line.send(mail)
        return Receipt({"message_id": str(mail.extra_headers["Message-ID"])}, f"handed to {server.host}")


def server_for(channel: Channel) -> Server:
    """The channel's own server, else that of TOCSIN_SMTP_URL. UserError where there is neither."""
    if channel.secret:
        return server_of(channel.secret, where="the url")
    if not settings.TOCSIN_SMTP_URL:
        raise UserError("no mail server is set; set TOCSIN_SMTP_URL")
    return server_of(settings.TOCSIN_SMTP_URL, where="TOCSIN_SMTP_URL", trusted=True)


def sender_of(channel: Channel) -> str:
    """Who writes: of the channel, of TOCSIN_MAIL_FROM, else the user of the server where that is an address."""
    given = channel.config.get("from") or settings.TOCSIN_MAIL_FROM
    if given:
        return _sender(str(given), "TOCSIN_MAIL_FROM")
    user = server_for(channel).user
    if "@" in user:
        return _sender(user, "the mail server's user")
    raise UserError("nobody is set who writes the mails; set TOCSIN_MAIL_FROM, such as Tocsin <tocsin@example.com>")


class _Line:
    """A connection to the mail server whose failures are told as what they mean."""

    def __init__(self, connection: EmailBackend, server: Server) -> None:
        self._connection, self._server = connection, server
        self._until = time.monotonic() + TIMEOUT

    def __enter__(self) -> Self:
        return self

    def send(self, mail: Any) -> None:
        """Hand it in."""
        host = self._server.host
        try:
            self._connection.open()
            self._connection.connection.sock.settimeout(max(1.0, self._until - time.monotonic()))  # type: ignore[union-attr]
            self._connection.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _meant(code, f"{host} does not take mail for {mail.to[0]}{_said(text)}") from error
        except smtplib.SMTPAuthenticationError as error:
            raise SendError(f"{host} did not accept the user and password") from error
        except smtplib.SMTPNotSupportedError as error:
            raise SendError(f"{host} does not offer what is asked of it ({error}); check tls= in its url") from error
        except smtplib.SMTPResponseException as error:
            raise _meant(error.smtp_code, f"{host} refused the mail{_said(error.smtp_error)}") from error
        except smtplib.SMTPException as error:
            raise SendError(f"{host} ended the conversation ({type(error).__name__})") from error
        except TimeoutError as error:
            raise SendError(f"{host} did not answer in time") from error
        except OSError as error:
            raise SendError(f"{host} cannot be reached ({error.strerror or type(error).__name__})") from error

    def __exit__(self, *_: object) -> None:
        try:
            self._connection.close()
        except (smtplib.SMTPException, OSError):
            self._connection.connection = None  # it has been taken, or that failed; how the parting goes changes nothing


def _meant(code: int, text: str) -> SendError:
    """A reply of 5xx is for good, any other one for now."""
    return PermanentError(f"{text} ({code})") if code >= 500 else SendError(f"{text} ({code})")


def _said(text: bytes | str) -> str:
    given = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    flat = " ".join("".join(each if each.isprintable() else " " for each in given).split())[:160]
    return f": {flat}" if flat else ""


def _sender(text: str, where: str) -> str:
    name, address = parseaddr(text)
    if not text.isprintable() or not _is_address(address):
        raise UserError(f"{where}: {text!r} is nobody who can write; give such as Tocsin <tocsin@example.com>")
    return formataddr((name or "Tocsin", address))


def _address(text: str, where: str) -> str:
    address = text.strip()
    if not _is_address(address):
        raise UserError(f"{where}: {text!r} is no e-mail address")
    return address


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


TRANSPORT = Email()

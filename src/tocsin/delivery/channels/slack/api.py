"""Slack's Web API, by its own library: what we ask of it, and what its refusals mean."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from tocsin.delivery.channels.base import PermanentError, SendError
from tocsin.delivery.channels.http import LONGEST_WAIT
from tocsin.delivery.channels.networks import ForbiddenError, guarded

API = "https://slack.com/api/"
REVOKED = frozenset({"token_revoked", "invalid_auth", "account_inactive", "not_authed", "token_expired"})
PASSING = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "fatal_error",
        "internal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
# A message that cannot be changed any more: it is told anew.
UNCHANGEABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
HINTS = {
    "channel_not_found": "there is no such channel, or the app is not in it: invite it with /invite",
    "not_in_channel": "the app is not in that channel: invite it with /invite",
    "is_archived": "that channel is archived",
    "missing_scope": "the app lacks a permission: chat:write, im:write, users:read and users:read.email are needed",
    "users_not_found": "nobody there has that e-mail address",
    "user_not_found": "nobody there has that e-mail address",
}
# The library tells a token's owner and the like at this logger; what matters comes as an error.
logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)


class RefusedError(PermanentError):
    """Slack said no. code: Slack's word for it."""

    def __init__(self, code: str) -> None:
        hint = HINTS.get(code)
        super().__init__(f"Slack refused: {code}{f' ({hint})' if hint else ''}", disable=code in REVOKED)
        self.code = code


class Slack:
    """The API by a bot's token. timeout: seconds of one call."""

    def __init__(self, token: str, base_url: str = API, timeout: float = 8.0) -> None:
        self._client = WebClient(token, base_url=base_url or API, timeout=int(max(1, timeout)), retry_handlers=[])

    def post(self, channel: str, text: str, blocks: list[dict[str, Any]], **more: Any) -> tuple[str, str]:
        """Write a message; gives its place: channel and time stamp."""
        said = self._call(
            self._client.chat_postMessage,
            channel=channel,
            text=text,
            blocks=blocks,
            unfurl_links=False,
            unfurl_media=False,
            **more,
        )
        return str(said.get("channel") or channel), str(said.get("ts") or "")

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]]) -> None:
        """Change a message in place."""
        self._call(self._client.chat_update, channel=channel, ts=ts, text=text, blocks=blocks)

    def whisper(self, channel: str, user: str, text: str) -> None:
        """Say something in a channel that one person sees."""
        self._call(self._client.chat_postEphemeral, channel=channel, user=user, text=text)

    def user_by_email(self, email: str) -> str:
        """The id of the member with that address. RefusedError where there is none."""
        said = self._call(self._client.users_lookupByEmail, email=email)
        return str((said.get("user") or {}).get("id") or "")

    def email_of(self, user: str) -> str:
        """The address of a member; '' of a stranger, a bot, somebody who left, or one whose address is not confirmed."""
        member = self._call(self._client.users_info, user=user).get("user") or {}
        unfit = member.get("deleted") or member.get("is_bot") or member.get("is_stranger")
        if unfit or member.get("is_email_confirmed") is False:
            return ""
        return str((member.get("profile") or {}).get("email") or "")

    def _call(self, function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
        with guarded() as refused:
            try:
                said = function(**arguments).data
            except SlackApiError as error:
                raise _meant(error) from error
            except (TimeoutError, URLError, OSError) as error:
                if refused:
                    raise ForbiddenError(
                        f"Slack would be reached at {refused[0]}, a private address; "
                        "TOCSIN_OUTBOUND_ALLOW names the networks that may be reached"
                    ) from error
                raise SendError("Slack cannot be reached") from error
            except (SlackClientError, json.JSONDecodeError, ValueError) as error:
                raise SendError("Slack did not answer as it should") from error
        return said if isinstance(said, dict) else {}


def _meant(error: SlackApiError) -> SendError:
    answer = error.response
    data = answer.data if isinstance(getattr(answer, "data", None), dict) else {}
    code, status = str(data.get("error") or ""), int(getattr(answer, "status_code", 0) or 0)
    if status == 429 or code in ("ratelimited", "rate_limited"):
        asked = str({key.lower(): value for key, value in (answer.headers or {}).items()}.get("retry-after", ""))
        after = min(timedelta(seconds=int(asked[:9])), LONGEST_WAIT) if asked.isdigit() else None
        return SendError("Slack asks to send less often", retry_after=after)
    if status >= 500 or code in PASSING or not code:
        return SendError(f"Slack answered {code or status}")
    return RefusedError(code)

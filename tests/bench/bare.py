"""The yardstick of ingestion, `python -m tests.bench.bare PORT`: a server that decodes what is posted and stores nothing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn

OK = b'{"success": true}'


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Decode the body, answer."""
    body, more = b"", scope["method"] == "POST"
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
    if body:
        msgspec.json.decode(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(OK))]})
    await send({"type": "http.response.body", "body": OK})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off", loop="asyncio")

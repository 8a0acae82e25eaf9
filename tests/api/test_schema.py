"""The OpenAPI document holds: whatever is sent, every answer is one that it promises, and none is the server's fault."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.api.conftest import Caller
from tests.api.test_api import OPERATIONS
from tocsin.alerts.facade import Alert

EXAMPLES = int(os.environ.get("TOCSIN_THOROUGH", "0")) * 50 or 15


@pytest.mark.parametrize("name", [name for name, _, _ in OPERATIONS])
def test_every_answer_is_promised(
    name: str, call: Callable[..., Caller], swept: dict[tuple[str, str], Alert], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    [found] = schema.include(operation_id=name).get_all_operations()
    assert isinstance(found, Ok)
    operation = found.ok()
    headers = {"Authorization": f"Bearer {call('admin').key}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        # A schema cannot say which formula, address or id is a good one: that it is refused is right.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    ask()

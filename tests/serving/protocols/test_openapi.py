"""Requests made from the server's own OpenAPI document, right ones and wrong ones."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.properties import examples
from tests.serving.conftest import GOOD, Running

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_gets_a_5xx(server: Running, mode: GenerationMode) -> None:
    """Each answer is a status and a body that the document promises, whatever the request."""
    body = json.dumps({"instances": [GOOD]}).encode()
    assert server.ask("POST", "/v1/models/customers:explain", body)[0] == 200  # its process takes seconds to start
    schema = schemathesis.openapi.from_url(f"http://{server.host}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        if mode == GenerationMode.NEGATIVE and not operation.body:
            continue

        @settings(examples(15), suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        holds()
    assert server.ask("GET", "/v2/health/ready")[0] == 200

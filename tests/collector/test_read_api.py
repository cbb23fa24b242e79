"""The read API answers anything with rows or with one sentence: fuzzed from its own OpenAPI document."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error, status_code_conformance

from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.queries import QUERIES
from tests.collector.running import RunningCollector, until
from tests.collector.spans import RUN, attempt_span, request
from tests.store.rows import rows

JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """With one run of one attempt in it."""
    with RunningCollector(tmp_path_factory.mktemp("api") / "store.duckdb") as running:
        headers = {"Content-Type": "application/x-protobuf"}
        httpx.post(running.url + "/v1/traces", content=request(attempt_span()), headers=headers)
        until(lambda: running.reader.query("runs").num_rows, "the joined run")
        yield running


def test_every_query_is_documented(collector: RunningCollector) -> None:
    """With its parameters and a summary."""
    document = httpx.get(collector.url + "/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for name, query in QUERIES.items():
        operation = document["paths"][f"/api/v1/query/{name}"]["get"]
        assert [item["name"] for item in operation["parameters"]] == list(query.parameters)
        assert operation["summary"]


def _operations(collector: RunningCollector) -> list[Any]:
    api = schemathesis.openapi.from_url(collector.url + "/api/v1/openapi.json")
    results: list[Any] = list(api.get_all_operations())
    return [result.ok() for result in results]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_fuzzed_requests_are_answered_as_documented(
    collector: RunningCollector, mode: schemathesis.GenerationMode
) -> None:
    """Parameters of the right type and of wrong ones: never a server error, always JSON, statuses as documented."""
    asked: Counter[int] = Counter()
    for operation in _operations(collector):

        @settings(max_examples=8, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            response = case.call(headers=JSON)
            asked[response.status_code] += 1
            case.validate_response(response, checks=[not_a_server_error, status_code_conformance])
            response.json()

        try:
            ask()
        except Unsatisfiable:
            pass  # an operation without parameters cannot be asked wrongly
    assert asked[200] + asked[400] > 50


def test_json_and_arrow_say_the_same(collector: RunningCollector) -> None:
    """Row by row, for every table of the run."""
    for name in ("runs", "operations", "attempts", "spans"):
        parameters = {} if name == "runs" else {"workflow_id": RUN.workflow_id}
        said = httpx.get(f"{collector.url}/api/v1/query/{name}", params=parameters, headers=JSON).json()
        rows = collector.reader.query(name, **parameters).to_pylist()
        for row in (*said, *rows):
            row.pop("duration_ms", None)  # of a run that is open: until now
        assert said == json.loads(json.dumps(rows)) and rows


def test_run_objects_are_those_of_the_command_line(collector: RunningCollector) -> None:
    """One with its operations, a list without them, a sentence for what is not there."""
    one = httpx.get(f"{collector.url}/api/v1/runs/{RUN.workflow_id}").json()
    assert [len(operation["attempts"]) for operation in one["operations"]] == [1]
    assert [run["workflow_id"] for run in httpx.get(collector.url + "/api/v1/runs").json()] == [RUN.workflow_id]
    answer = httpx.get(collector.url + "/api/v1/runs/nothing")
    assert answer.status_code == 404 and answer.json()["type"] == "NotFound"


def test_a_store_that_cannot_answer_is_said(tmp_path: Path) -> None:
    """503 and a sentence, as documented; the reader's own error is no answer."""
    with RunningCollector(tmp_path / "store.duckdb") as running:
        store = running.collector.store
        assert isinstance(store, DuckStore)
        store.execute("DROP TABLE operations")
        answer = httpx.get(running.url + "/api/v1/query/operations?workflow_id=w", headers=JSON)
        assert answer.status_code == 503 and "could not answer 'operations'" in answer.json()["error"]
        assert httpx.get(running.url + "/api/v1/query/runs", headers=JSON).json() == []


def test_json_has_no_word_for_infinity(tmp_path: Path) -> None:
    """A number that is none is null, wherever it stands."""
    with RunningCollector(tmp_path / "store.duckdb") as running:
        store = running.collector.store
        of = {"operation_id": "o", "activity_id": "1"}
        store.append("runs", rows("runs", {"status": "completed", "started": 1, "closed": 2, "duration_ms": math.inf}))
        store.append("operations", rows("operations", of | {"kind": "tool", "scheduled": 1, "run_ms": math.nan}))
        store.append("attempts", rows("attempts", of | {"attempt": 1, "retry_delay_ms": -math.inf}))
        for path in ("runs/w", "runs", "query/attempts?workflow_id=w", "query/operations?workflow_id=w"):
            text = httpx.get(f"{running.url}/api/v1/{path}", headers=JSON).raise_for_status().text
            assert "null" in text and json.loads(text, parse_constant=pytest.fail)

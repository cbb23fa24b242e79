"""The JSON of a run is the contracted object, whatever the evidence; and its numbers agree with each other."""

from typing import Any

import hypothesis.strategies as st
import jsonschema
from hypothesis import given

from durascope_dashboard.analysis.frames import to_arrow
from durascope_dashboard.analysis.join import Joined
from durascope_dashboard.analysis.view import TOKENS, run_object, run_summary
from tests.analysis.facts import joined
from tests.analysis.test_properties import chaos, quick
from tests.cli import contract

Json = dict[str, Any]


def objects(result: Joined) -> list[Json]:
    """Each joined run as the command line prints it: through Arrow, as from a store."""
    tables = {name: to_arrow(getattr(result, name), name).to_pylist() for name in ("runs", "operations", "attempts")}

    def of(run: Json, name: str) -> list[Json]:
        return [row for row in tables[name] if row["run_id"] == run["run_id"]]

    return [run_object(run, of(run, "operations"), of(run, "attempts")) for run in tables["runs"]]


def agree(run: Json) -> None:
    """Sums that a reader would check by hand."""
    time = run["time_ms"]
    assert abs(sum(ms for name, ms in time.items() if name != "total") - time["total"]) < 0.01
    assert abs(time["total"] - run["duration_ms"]) < 0.01
    for kind in TOKENS:
        billed, useful, wasted = (run["tokens"][part][kind] for part in ("billed", "useful", "wasted"))
        assert billed == useful + wasted
        assert billed == sum(a["tokens"][kind] for o in run["operations"] for a in o["attempts"] if a["tokens"])
    retries = run["retries"]
    assert retries["operations"] == len(run["operations"])
    assert retries["attempts"] == sum(operation["attempt_count"] for operation in run["operations"])
    coverage = run["coverage"]
    assert coverage["reconstructed"] <= coverage["history_attempts"]
    for operation in run["operations"]:
        numbers = [attempt["attempt"] for attempt in operation["attempts"]]
        assert numbers == sorted(set(numbers))


@quick
@given(st.data())
def test_any_evidence_gives_the_contracted_object(data: st.DataObject) -> None:
    """Keys, types, statuses, nulls; durations are never negative, sums agree."""
    for run in objects(joined(now=40, **data.draw(chaos("r")))):
        jsonschema.validate(run, contract.RUN)
        agree(run)


def test_a_row_of_nothing_but_its_key_is_still_the_object() -> None:
    """Whatever a store lacks is null or 0 where a count is a count."""
    row = {"namespace": "n", "workflow_id": "w", "run_id": "r", "first_run_id": "r", "status": "running",
           "started": 0, "duration_ms": 0.0}  # fmt: skip
    jsonschema.validate(run_object(row, [], []), contract.RUN)
    jsonschema.validate([run_summary(row)], contract.RUNS)

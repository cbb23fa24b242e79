"""Where another instrumentation tells the same tokens, the ledger counts once and `durascope doctor` names both."""

from durascope_dashboard.analysis.diagnosis import Level, sources
from tests.instrumentation.test_matrix import bare, begin, finish, of, whole
from tests.instrumentation.world import World


async def test_the_doctor_names_who_else_tells_tokens(beside: World) -> None:
    """OpenInference, switched on by the Agents plugin's `use_otel_instrumentation`, through the same collector."""
    client = await bare(beside)
    handle = await begin(client, "plain", "otel")
    await finish(handle)
    await whole(beside, client, of(handle), handle.id)
    rows = beside.collector.reader.query("span_sources").to_pylist()
    finding = sources(rows)
    assert finding.level is Level.WARNING
    assert "durascope" in finding.found and "openinference" in finding.found
    assert "use_otel_instrumentation" in finding.next_step

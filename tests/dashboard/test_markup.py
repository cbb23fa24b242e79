"""Words as HTML."""

from durascope_dashboard.panels.markup import named


def test_no_line_breaks_between_a_number_and_its_unit() -> None:
    """Nor inside a duration of two units; names are left as they are."""
    found = named("Took 1 m 47 s, 18 % of 3 d 4 h was backoff of `step 2 s`, 640 ms, 3 more").replace("\u00a0", "_")
    assert ">Took 1_m_47_s, 18_% of 3_d_4_h was backoff of <code>step 2 s</code>, 640_ms, 3 more<" in found

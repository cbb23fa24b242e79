"""Deployments as marks on every graph: the first moment at which a build does work."""

from grafana_foundation_sdk.builders import dashboard as build

from grafana.builder.queries import PROMETHEUS

ATTEMPTS = 'durascope_fleet_attempts_total{namespace=~"$namespace",build_id!=""}'
# A build that was not there some minutes ago. Not at the very start, when everything is new.
NEW = (
    f"(count by (build_id) ({ATTEMPTS}) unless count by (build_id) ({ATTEMPTS} offset 5m)) "
    "and on () count(durascope_fleet_attempts_total offset 5m)"
)


def deployments() -> build.AnnotationQuery:
    """New builds."""
    found = build.AnnotationQuery().name("Deployments").datasource(PROMETHEUS).enable(True).icon_color("purple")
    return found.expr(NEW).step("60s").title_format("new build").text_format("{{build_id}}").tag_keys("build_id")

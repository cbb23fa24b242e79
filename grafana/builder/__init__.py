"""Durascope's Grafana dashboards as code; `python -m grafana.build` writes them."""

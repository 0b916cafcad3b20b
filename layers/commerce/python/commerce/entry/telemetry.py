"""One logger and one set of metrics for the whole function.

Traces need no code here: where tracing is on, Lambda, Step Functions and API Gateway
record them, and an order's own timeline says what happened inside.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Pushcart"

logger = Logger(service="pushcart", use_rfc3339=True)
metrics = Metrics(namespace=NAMESPACE, service="pushcart")


def count(what: str, how_many: int = 1) -> None:
    """Add to a metric; it is written with the function's log, at no call."""
    metrics.add_metric(name=what, unit=MetricUnit.Count, value=how_many)

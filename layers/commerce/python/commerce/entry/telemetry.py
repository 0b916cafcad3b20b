"""One logger and one set of metrics for the whole function.

Traces need no code here: where tracing is on, Lambda, Step Functions and API Gateway
record them, and an order's own timeline says what happened inside.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "Pushcart"

logger = Logger(service="pushcart", use_rfc3339=True)
metrics = Metrics(namespace=NAMESPACE, service="pushcart")

"""One logger, one tracer and one set of metrics for the whole function."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics, Tracer

NAMESPACE = "Pushcart"

logger = Logger(service="pushcart", use_rfc3339=True)
tracer = Tracer(service="pushcart")
metrics = Metrics(namespace=NAMESPACE, service="pushcart")

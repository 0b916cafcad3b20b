"""Answers what arrived."""

import json
from typing import Any


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(
            {
                "id": event["pathParameters"]["id"],
                "asked_for": event["requestContext"]["path"],
                "query": event["multiValueQueryStringParameters"],
                "source_ip": event["requestContext"]["identity"]["sourceIp"],
            }
        ),
    }

"""Answers to a browser's preflight request, as the template asks for them.

SAM turns an API's ``Cors`` into one mock OPTIONS method a path, whose headers are in the
OpenAPI body. MiniStack imports the methods and drops the headers. :func:`install` keeps them.
tests/local/test_base_url.py shows it at work.
"""

from typing import Any

from ministack.services import apigateway_v1

Operation = dict[str, Any]


def install() -> None:
    """Import mock methods with their responses, in this process, before it serves anything."""
    import_alone = apigateway_v1._import_operation

    def import_operation(
        api_id: str, resource_id: str, http_method: str, operation: Operation, *security: object
    ) -> None:
        import_alone(api_id, resource_id, http_method, operation, *security)
        integration = (operation or {}).get("x-amazon-apigateway-integration") or {}
        if str(integration.get("type")).upper() != "MOCK":
            return
        for pattern, response in (integration.get("responses") or {}).items():
            apigateway_v1._put_integration_response(
                api_id,
                resource_id,
                http_method,
                str(response["statusCode"]),
                {**response, "selectionPattern": "" if pattern == "default" else pattern},
            )

    apigateway_v1._import_operation = import_operation

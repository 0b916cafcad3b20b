"""What the API answers by itself, as the template asks for it.

SAM writes an API's ``GatewayResponses`` into its OpenAPI body. MiniStack has gateway
responses and does not read them from there. :func:`install` hands them over.
tests/local/test_base_url.py shows it at work.
"""

from typing import Any

from ministack.services import apigateway_v1

_EXTENSION = "x-amazon-apigateway-gateway-responses"


def install() -> None:
    """Import gateway responses with an API, in this process, before it serves anything."""
    import_alone = apigateway_v1._import_rest_api

    def import_rest_api(spec: dict[str, Any], *base: Any) -> str:
        api_id: str = import_alone(spec, *base)
        for kind, response in (spec.get(_EXTENSION) or {}).items():
            apigateway_v1._put_gateway_response(api_id, kind, response)
        return api_id

    apigateway_v1._import_rest_api = import_rest_api

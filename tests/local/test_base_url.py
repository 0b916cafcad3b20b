"""The shop's one address and what is kept behind it."""

import httpx
import pytest

from pushcart import deployment, process
from pushcart.cloud import Cloud
from pushcart.testing import workspace_in
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("small_shop")


def _get(workspace: Workspace, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{workspace.base_url}{path}", headers=headers, timeout=30, trust_env=False)


def test_path_and_query_arrive_decoded_once(small_shop: Workspace) -> None:
    answer = _get(small_shop, "/echo/a%20b%25c?x=1&x=2&y=%26%20").json()

    assert answer["id"] == "a b%c"
    assert answer["query"] == {"x": ["1", "2"], "y": ["& "]}


def test_a_caller_cannot_choose_the_address_it_comes_from(small_shop: Workspace) -> None:
    answer = _get(small_shop, "/echo/a", **{"X-Forwarded-For": "203.0.113.9"}).json()

    assert answer["source_ip"] == "127.0.0.1"


def test_a_function_is_told_the_path_asked_for_with_the_stage_where_it_has_one(
    small_shop: Workspace,
) -> None:
    stage = f"/restapis/{Cloud(small_shop).stack_outputs()['ApiId']}/live/_user_request_"
    own = httpx.get(f"{small_shop.cloud_url}{stage}/echo/a", timeout=30, trust_env=False).json()

    assert _get(small_shop, "/echo/a").json()["asked_for"] == "/echo/a"
    assert own["asked_for"] == "/live/echo/a"


def test_the_emulators_own_pages_are_not_in_the_shop(small_shop: Workspace) -> None:
    assert _get(small_shop, "/_ministack/health").status_code == 403


def test_what_the_api_answers_by_itself_is_what_the_template_says(small_shop: Workspace) -> None:
    answer = _get(small_shop, "/no/such/route")

    assert answer.status_code == 403
    assert answer.json() == {"code": "no_such_route"}
    assert answer.headers["x-request-id"]


def test_a_browsers_preflight_gets_the_headers_of_the_template(small_shop: Workspace) -> None:
    answer = httpx.options(
        f"{small_shop.base_url}/echo/a",
        headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"},
        timeout=30,
        trust_env=False,
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert "GET" in answer.headers["access-control-allow-methods"]


def test_the_address_stays_when_a_redeploy_replaces_the_api(small_shop: Workspace) -> None:
    replaced = Cloud(small_shop).stack_outputs()["ApiId"]
    template = small_shop.template.read_text()
    path = 'Echo: {Type: Api, Properties: {RestApiId: !Ref Api, Path: "/echo/{id}", Method: GET}}'
    second = path.replace("Echo:", "Again:").replace("/echo", "/again")
    assert path in template
    small_shop.template.write_text(template.replace(path, f"{path}\n        {second}"))

    assert deployment.deploy_if_changed(small_shop)

    assert Cloud(small_shop).stack_outputs()["ApiId"] != replaced
    assert _get(small_shop, "/again/new").json()["id"] == "new"
    assert _get(small_shop, "/echo/old").json()["id"] == "old"


def test_unchanged_sources_are_not_deployed_again(small_shop: Workspace) -> None:
    deployment.deploy_if_changed(small_shop)

    assert not deployment.deploy_if_changed(small_shop)


def test_a_restart_keeps_the_data_the_functions_and_the_address(small_shop: Workspace) -> None:
    cloud = Cloud(small_shop)
    table = cloud.stack_outputs()["NotesTable"]
    cloud.dynamodb.put_item(TableName=table, Item={"id": {"S": "yesterday"}})

    assert process.stop(small_shop)
    process.start(small_shop)

    kept = cloud.dynamodb.get_item(TableName=table, Key={"id": {"S": "yesterday"}})
    assert kept["Item"] == {"id": {"S": "yesterday"}}
    assert _get(small_shop, "/echo/still-here").json()["id"] == "still-here"
    assert not deployment.deploy_if_changed(small_shop)


def test_before_the_first_deploy_the_shop_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = workspace_in(tmp_path_factory.mktemp("empty"))
    process.start(empty)
    try:
        answer = _get(empty, "/store/products")
    finally:
        process.stop(empty)

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_deployed"

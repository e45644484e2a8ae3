"""REST integrations with DynamoDB in the lab: the template is rendered, the role's IAM holds."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.stack import Lab
from tests.support.small_stack import SmallStack

TEMPLATE = """
#set($name = $util.escapeJavaScript($input.path('$.name')))
{"TableName": "%s", "Item": {
  "id": {"S": "$context.requestId"}, "name": {"S": "$name"}, "raw": {"S": $input.json('$.name')},
  "all": {"S": "$util.base64Encode($input.body)"}, "from": {"S": "$input.params('from')"},
  "tags": {"L": [#foreach($tag in $input.path('$.tags')){"S": "$tag"}#if($foreach.hasNext),#end#end]}
}}
"""


@dataclass
class Api:
    """A deployed POST on `/`, in front of PutItem."""

    lab: Lab
    id: str
    root: str
    gateway: Any

    def post(self, body: object, content_type: str = "application/json") -> tuple[int, Any, Any]:
        request = urllib.request.Request(
            f"{self.lab.endpoint}/_aws/execute-api/{self.id}/lab/?from=here",
            data=json.dumps(body).encode(),
            headers={"Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers


@pytest.fixture
def api(stack: SmallStack) -> Iterator[Api]:
    gateway = stack.api("apigateway")
    made = gateway.create_rest_api(name=stack.name)
    here = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "POST"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(
        **here,
        type="AWS",
        integrationHttpMethod="POST",
        uri="arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        credentials=role_of_the_api(stack),
        passthroughBehavior="NEVER",
        requestTemplates={"application/json": TEMPLATE % stack.name},
    )
    for status, pattern, body in (
        ("200", "", '{"id": "$context.requestId"}'),
        ("400", r"4\d{2}", '{"type": "$input.path(\'$.__type\')"}'),
    ):
        gateway.put_method_response(**here, statusCode=status)
        gateway.put_integration_response(
            **here,
            statusCode=status,
            selectionPattern=pattern,
            responseTemplates={"application/json": body},
            responseParameters={"method.response.header.X-Lab": "'yes'"},
        )
    gateway.create_deployment(restApiId=made["id"], stageName="lab")
    yield Api(stack.lab, made["id"], made["rootResourceId"], gateway)
    gateway.delete_rest_api(restApiId=made["id"])


def role_of_the_api(stack: SmallStack, service: str = "apigateway.amazonaws.com") -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam = stack.api("iam")
    made = iam.create_role(
        RoleName=f"{stack.name}-{service.split('.', maxsplit=1)[0]}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{stack.name}"
    allowed = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": arn}
    iam.put_role_policy(
        RoleName=made["Role"]["RoleName"],
        PolicyName="put",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    return str(made["Role"]["Arn"])


def test_a_posted_object_becomes_an_item(stack: SmallStack, api: Api) -> None:
    name = 'é "quoted" \\ a/b\n𝄞'
    status, body, headers = api.post({"name": name, "tags": ["a", "b"]})
    assert (status, headers["X-Lab"]) == (200, "yes")
    found = stack.api("dynamodb").get_item(TableName=stack.name, Key={"id": {"S": body["id"]}})
    item = found["Item"]
    assert item["name"]["S"] == item["raw"]["S"] == name
    assert item["from"]["S"] == "here"
    assert item["tags"]["L"] == [{"S": "a"}, {"S": "b"}]


def test_what_dynamodb_refuses_is_mapped_by_its_status(api: Api) -> None:
    status, body, _ = api.post({"name": 7, "tags": []})
    assert status == 400
    assert body["type"]


def test_the_role_must_allow_put_item(stack: SmallStack, api: Api) -> None:
    stack.api("iam").delete_role_policy(RoleName=f"{stack.name}-apigateway", PolicyName="put")
    status, body, _ = api.post({"name": "x", "tags": []})
    assert status == 400
    assert "AccessDenied" in body["type"]


def test_the_role_must_trust_api_gateway(stack: SmallStack, api: Api) -> None:
    api.gateway.update_integration(
        restApiId=api.id,
        resourceId=api.root,
        httpMethod="POST",
        patchOperations=[
            {
                "op": "replace",
                "path": "/credentials",
                "value": role_of_the_api(stack, "lambda.amazonaws.com"),
            }
        ],
    )
    assert api.post({"name": "x", "tags": []})[0] == 500


def test_another_content_type_is_refused(api: Api) -> None:
    assert api.post({"name": "x"}, content_type="text/plain")[0] == 415

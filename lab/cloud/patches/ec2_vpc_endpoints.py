"""VPC endpoints of EC2, and what a function in a VPC reaches.

AWS: `ServiceName` is `com.amazonaws.<region>.<service>` of a service that has endpoints (PrivateLink guide, "AWS
services that integrate with AWS PrivateLink"; gateway endpoints: S3 and DynamoDB alone, "Gateway endpoints"); a gateway
has route tables, an interface has subnets; `dynamodb-streams` has no private DNS (DynamoDB developer guide, "AWS
PrivateLink for DynamoDB Streams"), and private DNS wants both DNS attributes of the VPC ("Manage DNS names for VPC
endpoint services"). A call to a service that has no way from the function's VPC times out.
ministack: takes any name, forgets security groups, private DNS and the policy, and knows no networks.
"""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from lab.cloud.network import services_in, vpc_of
from lab.cloud.patching import private, replace

GATEWAYS = ("dynamodb", "s3")
INTERFACES = (*GATEWAYS, "dynamodb-streams", "events", "kms", "lambda", "logs", "monitoring", "sqs", "states", "sts")
"""Of the services that functions like ours could call."""
NO_PRIVATE_DNS = ("dynamodb-streams",)
NAMES = {"dynamodbstreams": "dynamodb-streams", "cloudwatch": "monitoring", "stepfunctions": "states"}
"""Services whose endpoint has another name than ministack has for them."""
OPEN = {"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
"""The policy of an endpoint that is given none."""


def apply() -> None:
    """Refuse what EC2 refuses, keep what it keeps, and let no call out of a VPC that has no endpoint for it."""
    actions = private(ec2, "_ACTION_MAP")
    create, fields = private(ec2, "_create_vpc_endpoint"), private(ec2, "_vpce_fields_xml")

    def made(parameters: dict[str, Any]) -> Any:
        problem = _problem(parameters)
        if problem:
            return private(ec2, "_error")(*problem, 400)
        known = private(ec2, "_vpc_endpoints")
        before = set(known)
        answer = create(parameters)
        (new,) = set(known) - before
        known[new] |= {
            "Groups": private(ec2, "_parse_member_list")(parameters, "SecurityGroupId"),
            "PrivateDns": _one(parameters, "PrivateDnsEnabled") == "true",
            "PolicyDocument": _one(parameters, "PolicyDocument") or json.dumps(OPEN),
        }
        return answer

    def shown(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(f"<item><groupId>{each}</groupId></item>" for each in endpoint.get("Groups", []))
        more = (
            f"<groupSet>{groups}</groupSet>"
            f"<privateDnsEnabled>{str(endpoint.get('PrivateDns', False)).lower()}</privateDnsEnabled>"
            f"<policyDocument>{escape(endpoint.get('PolicyDocument', ''))}</policyDocument>"
        )
        return str(fields(endpoint, tag)).removesuffix(f"</{tag}>") + f"{more}</{tag}>"

    actions["CreateVpcEndpoint"] = made
    replace(ec2, "_vpce_fields_xml", shown)
    enforce = private(iam_evaluator, "enforce")

    def reached(access_key_id: str, iam_action: str, service: str, *rest: Any, **named: Any) -> Any:
        principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
        vpc = None if isinstance(principal, iam_evaluator.AuthError) else vpc_of(principal.arn, get_region())
        endpoint = NAMES.get(service, service)
        if vpc is not None and endpoint not in services_in(vpc) - set(NO_PRIVATE_DNS):
            message = f"{iam_action}: no VPC endpoint {endpoint} in {vpc}. AWS would not answer at all."
            return iam_evaluator.AuthError("NoWayOutOfTheVpc", message)
        return enforce(access_key_id, iam_action, service, *rest, **named)

    replace(iam_evaluator, "enforce", reached)


def _problem(parameters: dict[str, Any]) -> tuple[str, str] | None:
    """The error code and message of a request that EC2 refuses."""
    name, kind = _one(parameters, "ServiceName"), _one(parameters, "VpcEndpointType") or "Gateway"
    service = name.removeprefix(f"com.amazonaws.{get_region()}.")
    if service == name or service not in (GATEWAYS if kind == "Gateway" else INTERFACES):
        return "InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist"
    members = private(ec2, "_parse_member_list")
    if not members(parameters, "RouteTableId" if kind == "Gateway" else "SubnetId"):
        return "InvalidParameter", f"A {kind} endpoint without {'route tables' if kind == 'Gateway' else 'subnets'}"
    if _one(parameters, "PrivateDnsEnabled") != "true":
        return None
    if service in NO_PRIVATE_DNS:
        return "InvalidParameter", f"Private DNS can't be enabled because the service {name} does not provide it"
    vpc = private(ec2, "_vpcs").get(_one(parameters, "VpcId")) or {}
    if not (vpc.get("EnableDnsSupport", True) and vpc.get("EnableDnsHostnames", False)):
        return (
            "InvalidParameter",
            "Enabling private DNS requires enableDnsSupport and enableDnsHostnames of the VPC",
        )
    return None


def _one(parameters: dict[str, Any], name: str) -> str:
    return str(private(ec2, "_p")(parameters, name))

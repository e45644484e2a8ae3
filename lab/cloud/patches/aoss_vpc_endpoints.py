"""OpenSearch Serverless's own VPC endpoints.

AWS: CreateVpcEndpoint makes one in subnets of one VPC, ACTIVE after a while; network policies name it (service model
opensearchserverless 2021-11-01; developer guide, "Data plane access through AWS PrivateLink"). EC2 shows it too: that
is where the provider reads its security groups.
ministack: has none.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import ec2, opensearchserverless

from lab.cloud.network import aoss_endpoints
from lab.cloud.patching import private

NAME = re.compile(r"[a-z][a-z0-9-]{2,31}")
"""`VpcEndpointName`."""
SHOWN = ("id", "name", "vpcId", "subnetIds", "securityGroupIds", "status", "createdDate")


def apply() -> None:
    """Make, show and delete them."""
    handlers = private(opensearchserverless, "_HANDLERS")
    handlers |= {
        "BatchGetVpcEndpoint": _get,
        "CreateVpcEndpoint": _create,
        "DeleteVpcEndpoint": _delete,
        "ListVpcEndpoints": _list,
    }


def _create(data: dict[str, Any]) -> Any:
    name, vpc, subnets = data.get("name", ""), data.get("vpcId"), data.get("subnetIds") or []
    known = private(ec2, "_subnets")
    if not NAME.fullmatch(name):
        raise _invalid(f"Value '{name}' at 'name' failed to satisfy constraint: {NAME.pattern}")
    if not subnets or any((known.get(each) or {}).get("VpcId") != vpc for each in subnets):
        raise _invalid(f"The subnets {subnets} are not in the VPC {vpc}")
    if any(each["name"] == name for each in aoss_endpoints.values()):
        raise _invalid(f"A VPC endpoint with name {name} already exists", "ConflictException")
    made = {
        "id": f"vpce-{uuid.uuid4().hex[:17]}",
        "name": name,
        "vpcId": vpc,
        "subnetIds": subnets,
        "securityGroupIds": data.get("securityGroupIds") or [],
        "status": "ACTIVE",
        "createdDate": int(time.time() * 1000),
    }
    aoss_endpoints[made["id"]] = made
    private(ec2, "_vpc_endpoints")[made["id"]] = {
        "VpcEndpointId": made["id"],
        "VpcEndpointType": "Interface",
        "VpcId": vpc,
        "ServiceName": f"com.amazonaws.vpce.{get_region()}.vpce-svc-aoss",
        "State": "available",
        "RouteTableIds": [],
        "SubnetIds": subnets,
        "OwnerId": get_account_id(),
        "Groups": made["securityGroupIds"],
    }
    return json_response({"createVpcEndpointDetail": {name: made[name] for name in ("id", "name", "status")}})


def _get(data: dict[str, Any]) -> Any:
    found = [{name: aoss_endpoints[each][name] for name in SHOWN} for each in data["ids"] if each in aoss_endpoints]
    missing = [
        {"id": each, "errorCode": "NOT_FOUND", "errorMessage": "The specified VpcEndpoint is not found."}
        for each in data["ids"]
        if each not in aoss_endpoints
    ]
    return json_response({"vpcEndpointDetails": found, "vpcEndpointErrorDetails": missing})


def _list(_data: dict[str, Any]) -> Any:
    shown = [{name: each[name] for name in ("id", "name", "status")} for each in aoss_endpoints.values()]
    return json_response({"vpcEndpointSummaries": shown})


def _delete(data: dict[str, Any]) -> Any:
    gone = aoss_endpoints.pop(data.get("id", ""), None)
    if gone is None:
        raise _invalid("The specified VpcEndpoint is not found.", "ResourceNotFoundException")
    private(ec2, "_vpc_endpoints").pop(gone["id"], None)
    return json_response({"deleteVpcEndpointDetail": {"id": gone["id"], "name": gone["name"], "status": "DELETING"}})


def _invalid(message: str, code: str = "ValidationException") -> Exception:
    error: Exception = private(opensearchserverless, "_Invalid")(message, code)
    return error

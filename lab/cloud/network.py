"""Which VPC a caller is in, and what is reached from there.

A function with a `VpcConfig` reaches what its subnets do, and the lab's have no way out: so the services whose VPC
endpoints stand in its VPC (Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC").
What Lambda itself calls with the function's role comes from Lambda's own network: its sessions have another name.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2, lambda_svc

from lab.cloud.patching import private

aoss_endpoints: dict[str, dict[str, Any]] = {}
"""OpenSearch Serverless's own, by id (`lab.cloud.patches.aoss_vpc_endpoints`)."""


def vpc_of(principal_arn: str, region: str) -> str | None:
    """The VPC of the function whose session calls; None outside one."""
    parts = principal_arn.split(":")
    if ":assumed-role/" not in principal_arn:
        return None
    name = parts[5].split("/")[2]
    record = private(lambda_svc, "_functions").get_scoped(parts[4], region, name)
    return ((record or {}).get("config", {}).get("VpcConfig") or {}).get("VpcId") or None


def services_in(vpc: str) -> set[str]:
    """The last part of the service names of a VPC's endpoints, such as `sqs`."""
    found = private(ec2, "_vpc_endpoints").all_values()
    return {str(each["ServiceName"]).rpartition(".")[2] for each in found if each["VpcId"] == vpc}


def aoss_endpoints_in(vpc: str) -> set[str]:
    """The ids of a VPC's endpoints of OpenSearch Serverless."""
    return {name for name, each in aoss_endpoints.items() if each["vpcId"] == vpc}

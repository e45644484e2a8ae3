"""VPC endpoints in the lab: what EC2 and OpenSearch Serverless refuse, and what a function in a VPC reaches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.cloud.settings import REGION
from lab.stack import Lab
from tests.lab.test_cloud_collections import CREATE
from tests.support.small_stack import SmallStack

SQS = {"ServiceName": f"com.amazonaws.{REGION}.sqs", "VpcEndpointType": "Interface"}

NAMED = {**SQS, "SubnetIds": ["subnet-1"], "PrivateDnsEnabled": True}


@dataclass(frozen=True)
class Network:
    """A VPC with a subnet and a security group."""

    vpc: str
    subnet: str
    group: str


@pytest.fixture
def network(lab: Lab) -> Network:
    ec2 = lab.boto3_client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.30.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.0.0/26")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="functions", Description="functions", VpcId=vpc)["GroupId"]
    return Network(vpc, subnet, group)


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({**SQS, "ServiceName": f"com.amazonaws.{REGION}.dynamo"}, "InvalidServiceName"),
        ({**SQS, "ServiceName": "com.amazonaws.eu-west-1.sqs"}, "InvalidServiceName"),
        ({**SQS, "VpcEndpointType": "Gateway"}, "InvalidServiceName"),
        ({**SQS, "ServiceName": f"com.amazonaws.{REGION}.s3", "VpcEndpointType": "Gateway"}, "without route tables"),
        (SQS, "without subnets"),
        ({**NAMED, "ServiceName": f"com.amazonaws.{REGION}.dynamodb-streams"}, "does not provide it"),
        (NAMED, "enableDnsHostnames"),
    ],
)
def test_an_endpoint_that_ec2_does_not_make_is_refused(
    lab: Lab, network: Network, asked: dict[str, Any], refused: str
) -> None:
    with pytest.raises(ClientError, match=refused):
        lab.boto3_client("ec2").create_vpc_endpoint(VpcId=network.vpc, **asked)


def test_an_endpoint_of_opensearch_serverless_is_in_subnets_of_its_vpc_and_has_a_name_of_its_own(
    lab: Lab, network: Network
) -> None:
    aoss = lab.boto3_client("opensearchserverless")
    with pytest.raises(ClientError, match="are not in the VPC"):
        aoss.create_vpc_endpoint(name="search", vpcId="vpc-other", subnetIds=[network.subnet])
    made = aoss.create_vpc_endpoint(name="search", vpcId=network.vpc, subnetIds=[network.subnet])
    endpoint = made["createVpcEndpointDetail"]["id"]
    with pytest.raises(ClientError, match="already exists"):
        aoss.create_vpc_endpoint(name="search", vpcId=network.vpc, subnetIds=[network.subnet])
    aoss.delete_vpc_endpoint(id=endpoint)
    assert aoss.batch_get_vpc_endpoint(ids=[endpoint])["vpcEndpointDetails"] == []


def test_a_rule_of_a_security_group_keeps_its_prefix_list(lab: Lab, network: Network) -> None:
    ec2 = lab.boto3_client("ec2")
    found = ec2.describe_prefix_lists()["PrefixLists"][:2]
    for each in found:
        named = [{"PrefixListId": each["PrefixListId"], "Description": "a gateway"}]
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": named}
        ec2.authorize_security_group_egress(GroupId=network.group, IpPermissions=[rule])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [network.group]}])
    kept = {(each.get("PrefixListId"), each.get("Description")) for each in rules["SecurityGroupRules"]}
    assert {(each["PrefixListId"], "a gateway") for each in found} <= kept


def sessions_of(lab: Lab, stack: SmallStack, name: str) -> Any:
    """A client of SQS with the function's role, in a session of this name."""
    iam = lab.boto3_client("iam")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
    )
    iam.update_assume_role_policy(RoleName=stack.name, PolicyDocument=trust)
    found = lab.boto3_client("sts").assume_role(RoleArn=stack.role_arn, RoleSessionName=name)["Credentials"]
    return boto3.client(
        "sqs",
        endpoint_url=lab.endpoint,
        region_name=REGION,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )


def test_a_function_in_a_vpc_reaches_what_has_an_endpoint_there(lab: Lab, stack: SmallStack, network: Network) -> None:
    vpc = {"SubnetIds": [network.subnet], "SecurityGroupIds": [network.group]}
    function, poller = sessions_of(lab, stack, stack.name), sessions_of(lab, stack, f"awslambda-{stack.name}")
    message = {"QueueUrl": stack.queue_url, "MessageBody": "{}"}
    function.send_message(**message)
    lab.boto3_client("lambda").update_function_configuration(FunctionName=stack.name, VpcConfig=vpc)
    poller.send_message(**message)
    with pytest.raises(ClientError, match="no VPC endpoint sqs"):
        function.send_message(**message)
    lab.boto3_client("ec2").create_vpc_endpoint(VpcId=network.vpc, SubnetIds=[network.subnet], **SQS)
    function.send_message(**message)


def test_a_closed_collection_is_reached_from_a_vpc_whose_endpoint_its_network_policy_names(
    lab: Lab, stack: SmallStack, network: Network
) -> None:
    aoss, functions = lab.boto3_client("opensearchserverless"), lab.boto3_client("lambda")
    made = aoss.create_vpc_endpoint(name="closed", vpcId=network.vpc, subnetIds=[network.subnet])
    endpoint = made["createVpcEndpointDetail"]["id"]
    rules = [{"ResourceType": "collection", "Resource": [f"collection/{stack.name}"]}]
    document = json.dumps([{"Rules": rules, "AllowFromPublic": False, "SourceVPCEs": [endpoint]}])
    stack.permit("aoss:CreateIndex")
    assert stack.invoke({"calls": [CREATE]}) == [200]
    aoss.create_security_policy(name=stack.name, type="network", policy=document)
    assert stack.invoke({"calls": [CREATE]}) == [403]
    vpc = {"SubnetIds": [network.subnet], "SecurityGroupIds": [network.group]}
    functions.update_function_configuration(FunctionName=stack.name, VpcConfig=vpc)
    assert stack.invoke({"calls": [CREATE]}) != [403]
    aoss.delete_vpc_endpoint(id=endpoint)
    assert stack.invoke({"calls": [CREATE]}) == [403]

"""Who may use a collection: signature, IAM and data access policy, in AOSS's order.

"Troubleshooting Amazon OpenSearch Serverless" and "Data access control": a request needs a valid
signature for the service `aoss`, the IAM permission aoss:APIAccessAll on the collection's ARN, and
a data access policy that names the caller (a role by its ARN) and permits the operation on the
index; a network policy that is not public names an endpoint of the caller's VPC ("Network access for
Amazon OpenSearch Serverless"; the lab takes a collection without one for public). Anything else answers
403. The account's root has no way around a data access policy.
"""

from __future__ import annotations

import fnmatch
from typing import Any

from ministack.core import iam_evaluator, sigv4
from ministack.core.responses import request_scope
from ministack.services import opensearchserverless

from lab.cloud import calls
from lab.cloud.identity import account_of, allows, role_of
from lab.cloud.network import aoss_endpoints_in, vpc_of
from lab.cloud.patching import private
from lab.gate_rules import GateDenied, GateRequest, Operation

Record = dict[str, Any]
API_ACCESS = "aoss:APIAccessAll"


class Access:
    """The check of one collection."""

    def __init__(self, collection_id: str) -> None:
        self._id = collection_id

    def check(self, request: GateRequest) -> GateDenied | None:
        """None when the caller may do what the request does."""
        record = private(opensearchserverless, "_find_collection_anywhere")(self._id)
        if record is None:
            return GateDenied.forbidden("collection", "403 Forbidden: no such collection")
        account, region = account_of(record["arn"]), record["arn"].split(":")[3]
        caller = _caller(request, account)
        if isinstance(caller, GateDenied):
            return caller
        calls.record(caller.principal_arn, API_ACCESS)
        if not allows(caller.access_key_id, account, API_ACCESS, record["arn"]):
            return GateDenied.forbidden(API_ACCESS)
        if not _in_the_network(caller, record["name"], account, region):
            return GateDenied.forbidden("network policy", "403 Forbidden: no network policy admits the caller")
        return (
            None if request.operation is None else _granted(request.operation, caller, record["name"], account, region)
        )


def _granted(what: Operation, caller: Any, name: str, account: str, region: str) -> GateDenied | None:
    """None where the collection's data access policies let the caller do it."""
    with request_scope(account, region):
        policies = list(private(opensearchserverless, "_access_policies").values())
    arn = str(caller.principal_arn)
    permitted = _permitted(policies, {arn, role_of(arn)}, name, what)
    if permitted is None:
        return GateDenied.forbidden("data access policy", f"403 Forbidden: {what.permission} on {what.indices or '*'}")
    for resource in permitted:
        calls.grant(caller.principal_arn, what.permission, resource)
    return None


def _caller(request: GateRequest, account: str) -> Any:
    """The credential that signed the request, or why it is refused."""
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        return GateDenied.forbidden("signature", "403 Forbidden: not signed")
    signature = sigv4.parse_header_signature(request.headers)
    if isinstance(signature, tuple):
        return GateDenied.forbidden("signature", f"403 Forbidden: {signature[1]}")
    if signature.service != "aoss":
        return GateDenied.forbidden("service name", "403 Forbidden: signed for another service")
    if late := sigv4.request_time_failure(signature):
        return GateDenied.forbidden("signature", f"403 Forbidden: {late[1]}")
    token = request.headers.get("x-amz-security-token", "")
    credential = iam_evaluator.resolve_credential(signature.access_key_id, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return GateDenied.forbidden("credentials", f"403 Forbidden: {credential.message}")
    wrong = sigv4.header_signature_failure(
        signature,
        credential.secret_access_key,
        request.method,
        request.path,
        request.query,
        request.headers,
        request.body,
    )
    return GateDenied.forbidden("signature", f"403 Forbidden: {wrong[1]}") if wrong else credential


def _in_the_network(caller: Any, name: str, account: str, region: str) -> bool:
    """Whether a network policy of the collection is public, or names an endpoint of the caller's VPC."""
    with request_scope(account, region):
        policies = [each["policy"] for each in private(opensearchserverless, "_security_policies").values()]
    statements = [each for policy in policies if isinstance(policy, list) for each in policy if _names(each, name)]
    vpc = vpc_of(str(caller.principal_arn), region)
    endpoints = aoss_endpoints_in(vpc) if vpc else set()
    return not statements or any(
        each.get("AllowFromPublic") or endpoints.intersection(each.get("SourceVPCEs") or []) for each in statements
    )


def _names(statement: Record, name: str) -> bool:
    rules = [rule for rule in statement["Rules"] if rule["ResourceType"] == "collection"]
    return any(fnmatch.fnmatchcase(f"collection/{name}", each) for rule in rules for each in rule["Resource"])


def _permitted(policies: list[Record], principals: set[str], name: str, what: Operation) -> list[str] | None:
    """What of the policies permits each resource of a request; None where one is not permitted."""
    rules = _rules(policies, principals)
    found = [_permitting(rules, resource, what.permission) for resource in _resources(name, what)]
    return None if None in found else [each for each in found if each is not None]


def _resources(name: str, what: Operation) -> list[str]:
    if what.permission.endswith("CollectionItems"):
        return [f"collection/{name}"]
    # Without an index in the request the caller needs the permission on all of them.
    return [f"index/{name}/{index}" for index in what.indices or ("*",)]


def _rules(policies: list[Record], principals: set[str]) -> list[Record]:
    return [
        rule
        for policy in policies
        for statement in policy["policy"]
        if principals.intersection(statement["Principal"])
        for rule in statement["Rules"]
    ]


def _permitting(rules: list[Record], wanted: str, permission: str) -> str | None:
    """The resource in the rules by which it is permitted."""
    permitted = (
        each for rule in rules if {permission, "aoss:*"}.intersection(rule["Permission"]) for each in rule["Resource"]
    )
    return next((each for each in permitted if fnmatch.fnmatchcase(wanted, each)), None)

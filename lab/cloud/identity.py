"""Who may do what, by ministack's own IAM: role sessions and single permission checks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import iam, sts

from lab.cloud.patching import private


class NotAllowed(Exception):
    """A role lacks a permission, or a service may not assume it; the message names which."""


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role session."""

    access_key: str
    secret_key: str
    token: str


def account_of(arn: str) -> str:
    """The account field of an ARN."""
    return arn.split(":")[4]


def role_of(principal_arn: str) -> str:
    """The ARN of the role that a session is of, which has the role's path too; another principal's own."""
    if ":assumed-role/" not in principal_arn:
        return principal_arn
    name = principal_arn.split("/")[1]
    found = private(iam, "_roles").get_scoped(account_of(principal_arn), None, name) or {}
    return str(found.get("Arn", principal_arn))


def assume(role_arn: str, service: str, session: str) -> Credentials:
    """A session of the role, begun by an AWS service such as apigateway.amazonaws.com.

    NotAllowed when there is no such role or its trust policy does not name the service.
    """
    name = role_arn.rsplit("/", 1)[-1]
    account = account_of(role_arn)
    role = private(iam, "_roles").get_scoped(account, None, name)
    if role is None or not _trusts(role, service):
        raise NotAllowed(f"{service} is not authorized to perform: sts:AssumeRole on {role_arn}")
    digest = hashlib.sha256(f"{service}:{role_arn}:{session}".encode()).hexdigest()
    credentials = Credentials(f"ASIA{digest[:16].upper()}", f"secret-{digest}", f"token-{digest}")
    sts.register_session(
        credentials.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": credentials.secret_key,
            "SessionToken": credentials.token,
        },
    )
    return credentials


def _trusts(role: dict[str, Any], service: str) -> bool:
    document = role.get("AssumeRolePolicyDocument") or {}
    if isinstance(document, str):
        document = json.loads(document)
    statements = document.get("Statement", [])
    names_service = private(iam_evaluator, "_service_principal_matches")
    return any(
        statement.get("Effect") == "Allow" and names_service(statement.get("Principal"), service)
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def allows(access_key: str, account: str, action: str, resource: str) -> bool:
    """Whether the policies of the principal (of `account`) and the resource's own allow `action`; root may all."""
    principal = iam_evaluator.resolve_principal(access_key, account)
    if isinstance(principal, iam_evaluator.AuthError):
        return False
    if principal.policies is None and not action.startswith("kms:"):
        return True
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        principal_keys=principal.keys,
    )
    policy = private(iam_evaluator, "_resource_policy")(action.partition(":")[0], resource)
    if principal.policies is None:  # a key's policy alone says what root may
        own = iam_evaluator.evaluate_resource_policy(policy[0] if policy else None, context)
        return bool(own.decision == "Allow")
    verdict = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    if policy is not None:
        required = action.startswith("kms:")
        verdict = iam_evaluator.combine_resource_policy(verdict, context, *policy, required, principal.limits)
    return bool(verdict.decision == "Allow")

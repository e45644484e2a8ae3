"""Prefix lists in the rules of security groups.

AWS: a rule names a prefix list, such as a gateway endpoint's, in place of addresses (API "IpPermission").
ministack: forgets it, so that two such rules are one, and a plan finds them changed for ever.
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from lab.cloud.patching import private, replace


def apply() -> None:
    """Keep the prefix list, and show it."""

    def parsed(parameters: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = parse(parameters, prefix)
        for number, rule in enumerate(rules, 1):
            rule["PrefixListIds"] = list(_lists(parameters, f"{prefix}.{number}.PrefixListIds"))
        return rules

    def shown(group: str, rule: dict[str, Any], is_egress: bool = False) -> str:
        text = str(fields(group, rule, is_egress))
        for each in rule.get("PrefixListIds", []):
            text = text.replace("</toPort>", f"</toPort><prefixListId>{each['PrefixListId']}</prefixListId>", 1)
        return text

    parse = replace(ec2, "_parse_ip_permissions", parsed)
    fields = replace(ec2, "_sg_rule_xml", shown)


def _lists(parameters: dict[str, Any], prefix: str) -> Any:
    read = private(ec2, "_p")
    number = 1
    while name := read(parameters, f"{prefix}.{number}.PrefixListId"):
        yield {"PrefixListId": name, "Description": read(parameters, f"{prefix}.{number}.Description")}
        number += 1

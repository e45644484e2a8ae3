"""What belongs to one machine is found in a file, and what only looks like it is not."""

from __future__ import annotations

import pytest

from tools.clean_tree import findings


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("cd /" + "root/project", "a path of one machine"),
        ('open("/home/somebody/x")', "a path of one machine"),
        ("/" + "work/main/lab", "a path of one machine"),
        ("url = https://user:word@pypi.example.com/", "an address with a name and a password"),
        ("--index-url https://mirror.example.com/", "a package index"),
        ("https://mirror.example.com/pypi/simple/", "a registry's address"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "an AWS access key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
    ],
)
def test_it_is_found(line: str, rule: str) -> None:
    assert list(findings(f"good\n{line}\n")) == [(2, rule)]


@pytest.mark.parametrize(
    "line",
    [
        "the zip is unpacked in /var/task",
        "~/.terraform.d/plugins, any folder in /opt",
        "https://developer.hashicorp.com/terraform/install",
        "AKIAIOSFODNN7EXAMPLE",
        "registry.terraform.io/hashicorp/aws",
        "examples/work/x and {base}/home/x",
        'f"http://127.0.0.1:{port}/x@y"',
    ],
)
def test_it_is_left_alone(line: str) -> None:
    assert list(findings(line)) == []

"""State follows settings: each is seen in the cloud when it is given, and is as if it never was when it is unset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from lab.cloud.settings import ACCOUNT, REGION
from lab.stack import Lab
from lab.terraform import Terraform
from tests.support import there, unsetting
from tests.support.packages import copied
from tests.support.replacing import Arguments, settings
from tests.support.snapshot import Snapshot, snapshot

STACK = Path(__file__).parent / "replaced"


@pytest.fixture(scope="module")
def terraform(lab: Lab) -> Iterator[Terraform]:
    with Terraform(STACK, lab) as made:
        yield made


@pytest.fixture
def plain(lab: Lab) -> dict[str, Arguments]:
    """The stack without settings, on a table that is there."""
    return unsetting.plain(there.table(lab.boto3_client("dynamodb"), "followed")["LatestStreamArn"])


@pytest.fixture
def key(lab: Lab) -> str:
    """A key that CloudWatch Logs may use, as it must."""
    everybody = {"AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": f"logs.{REGION}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": everybody, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(lab.boto3_client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, str]:
    """A package for another runtime as a file, and one that goes to S3."""
    return {
        "file": copied(tmp_path / "file.zip", more=b"\n", runtime="python3.13"),
        "s3": copied(tmp_path / "s3.zip", more=b"\n\n"),
    }


@pytest.fixture
def anew(lab: Lab, packages: dict[str, str]) -> dict[str, Arguments]:
    """The settings that make something anew: a role that is there and a package in S3 among them."""
    role = there.function_role(lab.boto3_client("iam"), f"{unsetting.WORD}-given")
    s3, bucket = lab.boto3_client("s3"), f"{unsetting.WORD}-packages"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="a.zip", Body=Path(packages["s3"]).read_bytes())["VersionId"]
    facts = str(Path(packages["s3"]).with_suffix(".json"))
    return unsetting.anew(role, {"s3_bucket": bucket, "s3_key": "a.zip", "s3_object_version": version, "facts": facts})


@pytest.fixture
def courses(
    anew: dict[str, Arguments], packages: dict[str, str], key: str
) -> tuple[dict[str, Arguments], dict[str, Arguments]]:
    """The settings that make something anew, and those that change what is there."""
    return anew, unsetting.in_place(packages["file"], lambda _: key)


def unseen(places: Iterable[unsetting.Place], without: Snapshot, given: Snapshot) -> list[unsetting.Place]:
    """Those whose text is not there when it should be, or is there when it should not."""

    def has(found: Snapshot, place: unsetting.Place) -> bool:
        return place[2] in json.dumps(found[place[1]], sort_keys=True)

    return [each for each in places if has(without, each) or not has(given, each)]


def differences(before: Snapshot, after: Snapshot) -> dict[str, object]:
    """The resources that are not alike, by kind and name."""
    return {
        f"{kind} {name}": (before[kind].get(name), after[kind].get(name))
        for kind in before
        for name in before[kind].keys() | after[kind].keys()
        if before[kind].get(name) != after[kind].get(name)
    }


def test_every_setting_is_seen_or_has_a_reason() -> None:
    places = [*unsetting.ANEW_PLACES, *unsetting.IN_PLACE_PLACES, *unsetting.GONE]
    seen = {setting for setting, _, _ in places} | {f"package.{each}" for each in unsetting.FILE + unsetting.S3}
    assert not seen & unsetting.NOT_SEEN.keys()
    assert seen | unsetting.NOT_SEEN.keys() == settings(".")


def test_what_is_unset_is_as_if_it_never_was(
    lab: Lab,
    terraform: Terraform,
    plain: dict[str, Arguments],
    courses: tuple[dict[str, Arguments], dict[str, Arguments]],
    packages: dict[str, str],
) -> None:
    def applied(arguments: dict[str, Arguments]) -> Snapshot:
        terraform.apply({**arguments, "own": {"only": arguments["own"]}})  # copies by key there
        return snapshot(lab.boto3_client, unsetting.WORD)

    anew, in_place = courses
    never = applied(plain)
    given = applied(unsetting.with_settings(plain, anew))
    assert not unseen(unsetting.ANEW_PLACES, never, given)
    assert not unseen(unsetting.of_a_package(packages["s3"], *unsetting.S3), never, given)
    assert not unseen(unsetting.GONE, given, never)
    given = applied(unsetting.with_settings(plain, in_place))
    assert not unseen(unsetting.IN_PLACE_PLACES, never, given)
    assert not unseen(unsetting.of_a_package(packages["file"], *unsetting.FILE), never, given)
    after = applied(plain)
    assert terraform.plan_is_empty(), terraform.plan()
    assert not differences(never, after)

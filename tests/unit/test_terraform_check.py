"""A module that needs a newer provider than this machine has is left out aloud, and no other is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.terraform import PROVIDER
from tools import terraform_check
from tools.terraform_check import NEWER_PROVIDER, Workspace, lacks_provider, validate

ROOT = Path(__file__).parents[2]
NEWER = "modules/nextgen_collection"


@pytest.mark.parametrize(
    ("held", "lacks"),
    [
        (["5.100.0"], True),
        (["6.61.9"], True),
        (["5.100.0", "6.62.0"], False),
        (["terraform-provider-aws_6.70.1_linux_amd64.zip"], False),
        (["7.0.0"], False),
    ],
)
def test_the_plugin_folder_decides_whether_a_module_can_be_read(tmp_path: Path, held: list[str], lacks: bool) -> None:
    for name in held:
        (tmp_path / PROVIDER / name).mkdir(parents=True)
    assert lacks_provider(NEWER, tmp_path) is lacks
    assert not lacks_provider("modules/collection", tmp_path)
    assert not lacks_provider(NEWER, None), "the registry has every version"


def test_only_what_is_marked_asks_for_a_newer_provider() -> None:
    places = [path for pattern in ("", "modules/*/", "examples/*/") for path in ROOT.glob(f"{pattern}versions.tf")]
    assert len(places) > len(NEWER_PROVIDER)
    for path in places:
        directory = path.parent.relative_to(ROOT).as_posix()
        if "required_providers" not in path.read_text():
            continue  # it makes no resource
        major, minor = NEWER_PROVIDER.get(directory, (5, 100))
        assert f'">= {major}.{minor}, < 7.0"' in path.read_text(), directory


def test_what_is_left_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugins" / PROVIDER / "5.100.0").mkdir(parents=True)
    (tmp_path / NEWER).mkdir(parents=True)
    (tmp_path / NEWER / "main.tf").touch()
    monkeypatch.setattr(terraform_check, "plugin_directory", lambda: tmp_path / "plugins")
    assert validate(Workspace(tmp_path)) == 0
    assert f"{NEWER}: not run, it needs provider 6.62" in capsys.readouterr().out

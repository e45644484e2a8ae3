"""The settings table says of each variable and attribute what variables.tf says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import settings_table
from tools.settings_table import BEGIN, END, REQUIRED, Setting, insert, read_variables, render, split
from tools.toolchain import ToolError

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
variable "shop" {
  description = <<-EOT
    The shop's "door".
    - `name`: its name; a | in it is kept.
    - `days`: days open.
    - `key`: two parts.
  EOT
  type = object({
    name = string
    days = optional(list(string), ["mon", "tue"])
    key  = optional(object({ a = string, b = optional(number, 1) }))
  })
  default = {}
}

variable "prefix" {
  description = "What names begin with."
  type        = string
  default     = "shop"
}

variable "region" {
  description = "Where."
  type        = string
}
"""
LINE = "    - `days`: days open.\n"


def test_attributes_have_type_default_and_text() -> None:
    shop = read_variables(TEXT)[0]
    assert (shop.name, shop.text, shop.default) == ("shop", 'The shop\'s "door".', "{}")
    assert shop.settings == (
        Setting("name", "string", REQUIRED, "its name; a | in it is kept."),
        Setting("days", "list(string)", '["mon", "tue"]', "days open."),
        Setting("key", "object({a = string, b = optional(number, 1)})", "null", "two parts."),
    )


def test_variable_that_is_no_object_has_its_own_default() -> None:
    _, prefix, region = read_variables(TEXT)
    assert (prefix.type, prefix.default, prefix.settings) == ("string", '"shop"', ())
    assert region.default == REQUIRED


def test_table_has_a_heading_a_variable_and_a_row_an_attribute() -> None:
    table = render(read_variables(TEXT))
    assert [line for line in table.splitlines() if line.startswith("#### ")] == [
        "#### `shop`",
        "#### `prefix`",
        "#### `region`",
    ]
    assert "| `name` | `string` | required | its name; a \\| in it is kept. |" in table
    assert 'Type `string`, default `"shop"`.' in table


@pytest.mark.parametrize("text", [TEXT.replace(LINE, ""), TEXT.replace(LINE, LINE + "    - `hours`: no such.\n")])
def test_description_that_differs_from_the_type_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match=r"`shop` and its type differ in (days|hours)\."):
        read_variables(text)


def test_commas_inside_brackets_and_quotes_do_not_split() -> None:
    assert split('a = list(b, c), d = "e, {f", g = {h = [1, 2]}') == [
        "a = list(b, c)",
        'd = "e, {f"',
        "g = {h = [1, 2]}",
    ]
    assert split("") == []


def test_table_replaces_what_stands_between_the_markers() -> None:
    assert insert(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new") == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ToolError, match="add the lines"):
        insert("no place\n", "new")


def test_check_fails_until_the_table_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_table, "ROOT", tmp_path)
    (tmp_path / "variables.tf").write_text(TEXT)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/settings.md").write_text(f"{BEGIN}\n{END}\n")
    assert settings_table.main(["--check"]) == 1
    assert "make settings" in capsys.readouterr().err
    assert (tmp_path / "docs/settings.md").read_text() == f"{BEGIN}\n{END}\n"
    assert settings_table.main([]) == 0
    assert settings_table.main(["--check"]) == 0


def test_the_modules_own_variables_can_be_read() -> None:
    names = [variable.name for variable in read_variables((ROOT / "variables.tf").read_text())]
    assert {"table", "collection", "function", "trigger"} <= set(names)

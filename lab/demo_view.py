"""The demo's second view: an index of some of the table's items, which they enter and leave."""

from __future__ import annotations

from rich.syntax import Syntax

from lab.terraform import Terraform

NAME = "tests"
VIEW = """\
views = {
  tests = { # its index is lab-table-tests
    document = {
      when    = jsonencode({ type = ["Test"] }) # which items have a document there
      include = ["name", "type", "where.city"]  # what it holds of them
    }
    index = {
      mapping = jsonencode({
        dynamic    = false
        properties = { name = { type = "text" }, type = { type = "keyword" } }
      })
    }
  }
}
"""
TYPE_WITHIN, TYPE_WITHOUT = "Test", "Edited"
"""An item's type with which it has a document there, and one with which it has none."""


def add_view(terraform: Terraform) -> None:
    """Let the next apply make the view, beside the first one."""
    terraform.add("view_override.tf", f'module "searchsync" {{\n{VIEW}}}\n')
    terraform.add("view.tf", 'output "views" {\n  value = module.searchsync.views\n}\n')


def shown() -> Syntax:
    """Its settings, as they stand in Terraform."""
    return Syntax(VIEW, "terraform", background_color="default")

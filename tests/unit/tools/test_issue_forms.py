# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms for issues have the syntax that GitHub accepts, and the form for bugs asks for the report of the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import CHECKOUT

jsonschema = pytest.importorskip(
    "jsonschema", reason="it comes with ansible-lint, which `make matrix` does not install"
)

FORMS = sorted((CHECKOUT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))


def _item(kind: str, attributes: dict[str, Any], required: list[str], validations: bool = True) -> dict[str, Any]:
    """Return the schema of one kind of element of a form."""
    properties: dict[str, Any] = {
        "type": {"const": kind},
        "attributes": {"type": "object", "properties": attributes, "required": required, "additionalProperties": False},
    }
    if kind != "markdown":
        properties["id"] = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"}
    if validations:
        properties["validations"] = {
            "type": "object", "properties": {"required": {"type": "boolean"}}, "additionalProperties": False,
        }  # fmt: skip
    needed = ["type", "attributes"] + ["id"] * (kind != "markdown")
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
LABEL = {"label": TEXT, "description": TEXT}
OPTION = {"type": "object", "properties": {"label": TEXT, "required": {"type": "boolean"}}, "required": ["label"]}
# GitHub's syntax of issue forms: docs.github.com, "Syntax for GitHub's form schema"
SCHEMA = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "description": TEXT,
        "title": TEXT,
        "labels": {"type": "array", "items": TEXT},
        "body": {
            "type": "array",
            "minItems": 1,
            "items": {
                "oneOf": [
                    _item("markdown", {"value": TEXT}, ["value"], validations=False),
                    _item("input", {**LABEL, "placeholder": TEXT, "value": TEXT}, ["label"]),
                    _item("textarea", {**LABEL, "placeholder": TEXT, "value": TEXT, "render": TEXT}, ["label"]),
                    _item("dropdown", {**LABEL, "options": {"type": "array", "items": TEXT}}, ["label", "options"]),
                    _item(
                        "checkboxes",
                        {**LABEL, "options": {"type": "array", "items": OPTION}},
                        ["label", "options"],
                        False,
                    ),
                ]
            },
        },
    },
    "required": ["name", "description", "body"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_the_forms_for_issues_are_what_github_accepts(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    jsonschema.validate(form, SCHEMA)
    fields = [item for item in form["body"] if item["type"] != "markdown"]
    assert len({item["id"] for item in fields}) == len(fields) > 0


def test_the_form_for_bugs_asks_for_the_report_without_secrets() -> None:
    form = yaml.safe_load((CHECKOUT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    fields = {item.get("id"): item for item in form["body"]}
    assert "`ecs-metadata support-bundle`" in fields["report"]["attributes"]["description"]
    assert fields["report"]["attributes"]["render"] == "json" and fields["report"]["validations"]["required"]
    assert fields["checked"]["attributes"]["options"][0]["required"] is True
    with pytest.raises(jsonschema.ValidationError):  # GitHub accepts no validations of checkboxes
        jsonschema.validate({**form, "body": [{**fields["checked"], "validations": {"required": True}}]}, SCHEMA)

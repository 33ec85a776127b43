# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler finds every kind of text at its line, and prints the same sample for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

import sample_prose  # noqa: E402

pytestmark = pytest.mark.slow

MODULE = '''\
"""Module docstring."""
DOCUMENTATION = r"""
module: example
short_description: Read one item
options:
  path:
    description:
      - The item.
      - Relative to the root.
    type: str
"""
EXAMPLES = r"""
- name: Read the zone
  alicloud.imds.example:
    path: zone-id
"""
RETURN = r"""
value:
  description: The value.
"""


def main(module, parser):
    """Run the module."""
    text = "the item to read"
    parser.add_argument("--path", help=text)
    module.fail_json(msg=f"Cannot read {module.path}.")
    module.warn("No value " "for %s" % module.path)
    raise ExampleError("Cannot reach the service.")
'''
TASKS = """\
---
- name: Read and check
  block:
    - name: Read the zone
      ansible.builtin.fail:
        msg: The zone is unknown.
"""
SPECS = """\
argument_specs:
  main:
    short_description: An example
    options:
      example_path:
        description: The path of the item.
"""


def test_texts_of_a_module() -> None:
    found = sample_prose.from_python(Path("plugins/modules/example.py"), MODULE)
    assert sorted((item.line, item.kind, item.text) for item in found) == [
        (1, "docstring", "Module docstring."),
        (4, "description", "Read one item"),
        (8, "option", "The item. Relative to the root."),
        (13, "task", "Read the zone"),
        (19, "return", "The value."),
        (24, "docstring", "Run the module."),
        (26, "help", "the item to read"),
        (27, "message", "Cannot read {}."),
        (28, "message", "No value for %s"),
        (29, "message", "Cannot reach the service."),
    ]


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        (
            "roles/example/tasks/main.yml",
            TASKS,
            [(2, "task", "Read and check"), (4, "task", "Read the zone"), (6, "message", "The zone is unknown.")],
        ),
        (
            "roles/example/meta/argument_specs.yml",
            SPECS,
            [(3, "description", "An example"), (6, "option", "The path of the item.")],
        ),
    ],
)
def test_texts_of_a_role(name: str, source: str, expected: list[tuple[int, str, str]]) -> None:
    found = sample_prose.from_yaml(Path(name), source)
    assert [(item.line, item.kind, item.text) for item in found] == expected


def test_the_seed_decides_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*words: str) -> str:
        assert sample_prose.main(list(words)) == 0
        return capsys.readouterr().out

    assert printed("7", "one") == printed("7", "one") != printed("7", "two")
    assert printed("7", "one").count("\n\n") == 7


def test_the_project_has_every_kind_of_text() -> None:
    assert {item.kind for item in sample_prose.items()} == set(sample_prose.KINDS)
    for item in sample_prose.sample(5, "seed", "task", "roles/hardening"):
        assert item.kind == "task" and item.path.parts[:2] == ("roles", "hardening")

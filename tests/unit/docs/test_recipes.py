# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No documented recipe, playbook or role passes keys in a way that other users of a host can see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
KINDS = {".md", ".rst", ".yml", ".py"}
FOLDERS = ("docs", "playbooks", "plugins", "roles", "extensions", "tests/demo")
# The keyword environment of a task, with its value on the same line or on the more indented lines below it.
ENVIRONMENT = re.compile(r"^([ -]*)environment:(.*(?:\n\1 +\S.*)*)", re.MULTILINE)
SECRET = re.compile(r"lookup|credential|keys?\b|secret|token|password", re.IGNORECASE)


def pages() -> Iterator[Path]:
    yield from CHECKOUT.glob("*.md")
    for folder in FOLDERS:
        yield from (path for path in (CHECKOUT / folder).rglob("*") if path.suffix in KINDS and path.is_file())


def exposed(text: str) -> list[str]:
    """Return the values of the keyword environment that name a secret."""
    return [found.group(2).strip() for found in ENVIRONMENT.finditer(text) if SECRET.search(found.group(2))]


def test_no_recipe_passes_keys_with_the_keyword_environment() -> None:
    paths = list(pages())
    assert len(paths) > 100
    found = {str(path.relative_to(CHECKOUT)): exposed(path.read_text()) for path in paths}
    assert {path: values for path, values in found.items() if values} == {}


@pytest.mark.parametrize(
    "text",
    [
        "  environment: \"{{ lookup('alicloud.imds.ram_credentials').environment }}\"",
        "- name: x\n  environment:\n    A: b\n    ALIBABA_CLOUD_ACCESS_KEY_SECRET: '{{ x }}'\n  when: y",
    ],
)
def test_such_a_recipe_would_be_found(text: str) -> None:
    assert exposed(text)
    assert not exposed("  environment:\n    PYTHON: '{{ emulator_python }}'\n  register: keys")

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries as the module hands them on: checked against its argument specification, what was left out is None."""

from __future__ import annotations

from typing import Any

import sample  # tests/report is no package: its browser tests share it
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._document import Document, document
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._options import argument_spec
from hypothesis import strategies as st

NOW = "2026-11-24T09:30:00Z"
ANYTHING = st.text(st.characters(exclude_categories=()))
ATTACKS = [
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "' onmouseover='window.pwned=1",
    "<!--<script>",
    "]]>",
    "&lt;b&gt;",
    "=cmd|'/c calc'!A1",
    "@SUM(A1)",
    "-2+3",
    "\x1b]0;pwned\x07",
    "\u202etxt.exe",
    "\ufffe",
    "\ud800",
    "a" * 100_000,
]
HOSTILE = st.sampled_from(ATTACKS) | ANYTHING
__all__ = ["ANYTHING", "ATTACKS", "HOSTILE", "NOW", "entries", "finding", "host", "made", "sample"]


def entries(hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    checked = ArgumentSpecValidator(argument_spec()).validate({"path": "/nowhere", "hosts": hosts})
    assert not checked.error_messages, checked.error_messages
    found: list[dict[str, Any]] = checked.validated_parameters["hosts"]
    return found


def made(*hosts: dict[str, Any], before: Document | None = None, now: str = NOW, title: str = "Fleet") -> Document:
    return document(title, entries(list(hosts)), now, before)[0]


def host(name: str = "web1", control: str | None = None, guest: str | None = None, **more: Any) -> dict[str, Any]:
    views = {
        "control_plane": {"http_tokens": control, "http_endpoint": "enabled"} if control else None,
        "in_guest": {"verdict": guest} if guest else None,
    }
    return {"host": name, "region_id": "cn-hangzhou", **views, **more}


def finding(name: str = "old", severity: str = "block", **more: Any) -> dict[str, Any]:
    return {"id": name, "severity": severity, "title": "Too old", "evidence": "0.1", "remedy": "Upgrade.", **more}

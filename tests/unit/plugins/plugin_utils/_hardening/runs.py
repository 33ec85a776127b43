# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in different states, for the tests of the hardening functions."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _settings

from ....conftest import CHECKOUT

DEFAULTS = yaml.safe_load((CHECKOUT / "roles/hardening/defaults/main.yml").read_text(encoding="utf-8"))
IDENTITY = {"instance_id": "i-web1", "region_id": "cn-hangzhou"}
ADDRESSES = ["10.0.0.1"]
VERIFIED = {**IDENTITY, "method": "signed", "note": None, "addresses": ADDRESSES, "problem": None}
INSTANCE = {**IDENTITY, "record_name": "web1", "addresses": ADDRESSES, "access": "required"}


def settings(**given: Any) -> dict[str, Any]:
    """Return the normalized defaults of the role, with the variables in *given* (without prefix) replaced."""
    defaults = {name[len(_settings.PREFIX) :]: value for name, value in DEFAULTS.items()}
    return _settings.normalize({**defaults, **given})


def run(_settings: dict[str, Any] | None = None, **steps: Any) -> dict[str, Any]:
    """Return a run on web1 with these settings and results of steps. A probe with an instance has a verified identity."""
    seen = steps.get("probe")
    verified = {"web1": VERIFIED} if isinstance(seen, dict) and seen.get("instance") else {}
    given = {"host": "web1", "check_mode": False, "settings": settings(**(_settings or {})), "nonce": "0f"}
    return {**given, "identities": verified, **steps}


def probe(verdict: str = "optional", **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "problems": [], "unmet": [], "instance": IDENTITY, **more}


def row(error: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a row of metadata_options for the instance of web1."""
    after = {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}
    before = {**after, "http_tokens": "optional"}
    states = {
        "before": before,
        "after": after,
        "changed": error is None,
        "sent": True,
        "error": error,
        "record_name": "web1",
    }
    return {**IDENTITY, "name": "Web 1", **states, **more}


def answers(*rows: dict[str, Any], message: str | None = None) -> dict[str, Any]:
    by_instance = {it["instance_id"]: it for it in rows}
    return {
        "by_instance": by_instance,
        "by_record": {it["record_name"]: it for it in rows},
        "record_errors": {},
        "message": message,
    }


def finding(**more: Any) -> dict[str, Any]:
    given = {"id": "script_x", "severity": "block", "title": "A script reads metadata.", "detail": "", "waived": None}
    return {**given, "evidence": {"path": "/etc/cron.d/x", "line": 3, "pid": None}, "remedy": "Use a token.", **more}

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies: which packages are upgraded for which findings, and what is said about findings that stay."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import (
    _decisions,
    _entry,
    _outcome,
    _remedies,
    _settings,
)

from .runs import finding, run

ALL = list(_remedies.REMEDIES)
STATUS = "/var/lib/dpkg/status"
WAIVED = {"reason": "x", "expires": "2099-01-01"}


def found(name: str = "cloud_init_too_old", path: Any = STATUS, **more: Any) -> dict[str, Any]:
    return finding(id=name, evidence={"path": path, "version": "1"}, **more)


def checked(*findings: dict[str, Any], remedies: Any = ALL, **steps: Any) -> dict[str, Any]:
    return run({"remedies": remedies}, preflight={"findings": list(findings)}, **steps)


def owned(*lines: str, rc: int = 0) -> list[dict[str, Any]]:
    return [{"rc": rc, "stdout": line} for line in lines]


def upgrade(**more: Any) -> dict[str, Any]:
    return {"manager": "apt", "packages": ["cloud-init"], "changed": False, "failed": False, "msg": "", **more}


def test_findings_of_remedies_are_in_the_catalog() -> None:
    assert set().union(*(it.findings for it in _remedies.REMEDIES.values())) <= set(CATALOG)


def test_only_chosen_remedies_with_a_finding_that_is_not_waived() -> None:
    findings = [found(), found("python_credentials_too_old"), found("cloud_assistant_noise", waived=WAIVED)]
    assert _remedies.wanted(checked(*findings)) == ["cloud_init", "credentials_packages"]
    assert _remedies.wanted(checked(*findings, remedies="credentials_packages")) == ["credentials_packages"]
    assert _remedies.wanted(checked(*findings, remedies=[])) == []
    assert _remedies.wanted(checked(found("cloud_init_absent"))) == [] == _remedies.wanted(run())
    assert _decisions.decisions(checked(*findings))["remedies"] == ["cloud_init", "credentials_packages"]


def test_the_database_of_packages_stands_for_cloud_init() -> None:
    for path in (
        STATUS,
        "/var/lib/dpkg/status.d/cloud-init",
        "/var/lib/rpm",
        "/usr/lib/sysimage/rpm",
        "/usr/share/rpm",
    ):
        checks = checked(found(path=path))
        assert _remedies.lookups(checks, "cloud_init", "apt") == []
        assert _remedies.packages(checks, "cloud_init", [], "apt") == ["cloud-init"]
        assert _remedies.packages(checks, "cloud_init", [], "zypper") == []


def test_cloud_assistant_in_the_package_database_has_the_name_of_its_package() -> None:
    for package in ("aliyun-assist", "aliyun_assist", "systemd"):
        evidence = {"path": "/var/lib/rpm", "version": "2.2.3.529", "package": package}
        checks = checked(finding(id="cloud_assistant_too_old", evidence=evidence))
        expected = [package] if package.startswith("aliyun") else []
        assert _remedies.packages(checks, "cloud_assistant", [], "dnf") == expected


def test_other_files_are_looked_up() -> None:
    path = "/usr/lib/python3/dist-packages/alibabacloud_credentials-0.3.5.egg-info"
    checks = checked(found("python_credentials_too_old", path), found("node_credentials_too_old", "relative"))
    assert _remedies.lookups(checks, "credentials_packages", "apt") == [["dpkg-query", "--search", path]]
    for manager in ("dnf", "dnf5"):
        assert _remedies.lookups(checks, "credentials_packages", manager)[0][-2:] == ["--file", path]
    assert _remedies.lookups(checks, "credentials_packages", "pacman") == []


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        (owned("python3-alibabacloud-credentials: /usr/lib/x"), ["python3-alibabacloud-credentials"]),
        (owned("a:amd64, node-alicloud-credentials:amd64: /usr/lib/x, y"), ["node-alicloud-credentials"]),
        (owned("python3-alibabacloud-credentials"), ["python3-alibabacloud-credentials"]),
        (owned("big-application: /opt/app/node_modules/x"), []),  # bundles the library
        (owned("python3-alibabacloud-credentials: /x", rc=1), []),
        (owned("--option", "alibabacloud credentials: /x", "", "no path found matching pattern /x"), []),
        ([{"msg": "no such program"}], []),
    ],
)
def test_only_packages_of_the_software_itself_are_upgraded(owners: list[dict[str, Any]], expected: list[str]) -> None:
    checks = checked(found("python_credentials_too_old", "/usr/lib/x"))
    assert _remedies.packages(checks, "credentials_packages", owners, "apt") == expected


@pytest.mark.parametrize(
    ("result", "check_mode", "text"),
    [
        (upgrade(), False, "no newer version of cloud-init"),
        (upgrade(packages=[]), False, "not installed as a package of its own"),
        (upgrade(manager="zypper", packages=[]), False, "not with zypper"),
        (
            upgrade(failed=True, msg="Held \x1b[0mpackages"),
            False,
            "the upgrade of cloud-init failed: Held \\x1b[0mpackages",
        ),
        (upgrade(failed=True, msg="Depsolve Error: \n Problem\n  - x"), False, "failed: Depsolve Error: Problem - x"),
        (upgrade(changed=True), True, "A run without check mode upgrades cloud-init"),
        (
            upgrade(changed=True),
            False,
            "cloud-init was upgraded, but the finding remains: the new version does not support tokens either",
        ),
    ],
)
def test_a_finding_that_stays_has_the_reason(result: dict[str, Any], check_mode: bool, text: str) -> None:
    other, waived = finding(detail="as it was"), found(waived=WAIVED)
    state = checked(found(detail="Its code."), other, waived, remedied={"cloud_init": result}, check_mode=check_mode)
    explained = _entry.entry(state, "blocked")["findings"]
    assert explained[0]["detail"].startswith("Its code. ") and text in explained[0]["detail"]
    assert explained[1:] == [other, waived]


def test_a_blocked_host_says_what_was_upgraded() -> None:
    state = checked(found(), finding(), remedied={"cloud_init": upgrade(changed=True)})
    reason = _outcome.blocked_reason(state)
    assert (
        "Nothing else was changed than the upgraded packages: cloud-init. cloud-init was upgraded, but the finding"
        in reason
    )
    assert _decisions.decisions(state)["upgraded"] and _decisions.changed(state)
    for unchanged in (
        checked(found()),
        checked(found(), remedied={"cloud_init": upgrade()}),
        {**state, "check_mode": True},
    ):
        assert "Nothing was changed." in _outcome.blocked_reason(unchanged)
        assert not _decisions.decisions(unchanged)["upgraded"]
    assert "A run without check mode upgrades cloud-init" in _outcome.blocked_reason({**state, "check_mode": True})


def test_remedies_in_every_form() -> None:
    for given in (["cloud_init"], "cloud_init", "cloud_init,cloud_init", '["cloud_init"]'):
        assert _settings.normalize_one(given, "hardening_remedies") == ["cloud_init"]
    with pytest.raises(
        _settings.SettingError, match="must be one of cloud_init, cloud_assistant, credentials_packages"
    ):
        _settings.normalize_one("cloudinit", "hardening_remedies")

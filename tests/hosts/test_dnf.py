# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remedies of the role with dnf, RPM packages and repositories, on a host with the release files of Alibaba Cloud Linux 3.

The packages have the names of real ones, and their versions; their content is made for these tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import el8
import lab
import pytest
import roots
import rpms
from hosts import Site
from oldest_core import OLDEST_CORE
from playing import BIN, CONTROLLER, Played, Player, instance
from rpms import Package

pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.skipif(el8.reason_not() is not None, reason=str(el8.reason_not())),
]

LIBRARY, APPLICATION = "python3-alibabacloud-credentials", "billing"
SITE = "/usr/lib/python3/dist-packages/alibabacloud_credentials-{}.dist-info/METADATA"
BUNDLED = "/opt/billing/lib/python3.11/site-packages/alibabacloud_credentials-0.3.2.dist-info/METADATA"


def metadata(version: str) -> str:
    return f"Metadata-Version: 2.1\\nName: alibabacloud-credentials\\nVersion: {version}\\n"


def library(version: str) -> Package:
    return Package(LIBRARY, version, files=((SITE.format(version), metadata(version)),))


def application(version: str) -> Package:
    return Package(APPLICATION, version, files=((BUNDLED, metadata("0.3.2")),))


# The library of dnf for Python 3.6 instead of 3.11
MOVED = """
mv /usr/lib/python3/dist-packages/dnf /usr/lib/python3/dist-packages/dnf.moved
mkdir -p /usr/lib/python3.6/site-packages/dnf && touch /usr/lib/python3.6/site-packages/dnf/__init__.py
"""
OFFERED = (
    Package("cloud-init", "21.4", "9.el8"),  # older than the installed one
    Package("cloud-init", "23.2.2", "2.al8", tags=("Requires: python3-netifaces",)),
    Package("python3-netifaces", "0.10.6", "4.el8"),
    Package("aliyun_assist", "2.2.4.1100"),
    Package("systemd", "239", "99.el8"),
    library("0.3.6"),
    application("2.0"),
)
BEFORE = {**roots.RPM_PACKAGES, LIBRARY: "0.3.2-1", APPLICATION: "1.0-1"}
ALL = ["cloud_init", "cloud_assistant", "credentials_packages"]


@dataclass
class Remedied:
    """The result of the role and its findings by ID, each with its detail and path."""

    played: Played
    findings: dict[str, list[dict[str, Any]]]

    def detail(self, finding: str) -> str:
        (detail,) = self.details(finding)
        return detail

    def details(self, finding: str) -> set[str]:
        return {str(it["detail"]) for it in self.findings[finding]}


class Managed:
    """A host whose repository offers newer packages, and the role with remedies."""

    def __init__(self, player: Player) -> None:
        self.player = player
        (self.host,) = player.hosts
        rpms.build(self.host, "/srv/installed", [library("0.3.2"), application("1.0")])
        old = [f"/srv/installed/{it.file}" for it in (library("0.3.2"), application("1.0"))]
        self.host.output("rpm", "--force-debian", "--nodeps", "--install", *old)
        self.offer(*OFFERED)

    def offer(self, *packages: Package, **options: str) -> None:
        self.host.output("rm", "-rf", "/srv/repository")
        rpms.build(self.host, "/srv/repository", packages)
        rpms.enable(self.host, "updates", "/srv/repository", **options)

    def remedy(self, *remedies: str, check: bool = False, **variables: Any) -> Remedied:
        role = {"name": "Harden", "ansible.builtin.include_role": {"name": "alicloud.imds.hardening"}}
        report = self.player.folder / "findings.json"
        report.unlink(missing_ok=True)
        content = {"content": "{{ hardening_report.findings | to_json }}", "dest": str(report)}
        save = {"name": "Save", "ansible.builtin.copy": content, "delegate_to": "localhost", "check_mode": False}
        save["changed_when"] = False
        tasks = [{"block": [role], "always": [save]}]
        wanted = {
            "hardening_preflight": "block",
            "hardening_tooling": False,
            "hardening_watch": "off",
            "hardening_fence": "off",
        }
        wanted |= {"hardening_remedies": list(remedies), **variables}
        arguments = ["--check"] if check else []
        played = self.player.play(*arguments, strategy={"roles": [], "tasks": tasks}, **wanted)
        assert report.exists(), played.output
        findings: dict[str, list[dict[str, Any]]] = {}
        for it in json.loads(report.read_text()):
            findings.setdefault(it["id"], []).append(it)
        return Remedied(played, findings)


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Callable[..., Managed]]:
    """Return managed(BIN), which returns a new host that the Ansible in this folder manages."""
    with Site() as site, lab.emulators() as start:

        def make(controller: Path = BIN) -> Managed:
            if not (controller / "ansible-playbook").exists():
                pytest.skip(f"{controller} does not exist; `make hosts` creates it")
            host = site.add("dnf", "el8", "el8")
            emulator = start({"instances": [instance(host), CONTROLLER]}, control=True)
            return Managed(Player([host], emulator, tmp_path, controller))

        yield make


def options(managed: Managed) -> str:
    return managed.player.options(managed.host)[1]


@pytest.mark.parametrize("controller", [OLDEST_CORE, BIN], ids=["oldest", "installed"])
def test_dnf_upgrades_exactly_the_packages_with_findings(managed: Callable[..., Managed], controller: Path) -> None:
    made = managed(controller)
    assert rpms.installed(made.host) == BEFORE
    would = "A run without check mode upgrades %s, and checks again."
    checked = made.remedy(*ALL, check=True)
    assert checked.detail("cloud_init_too_old").endswith(would % "cloud-init")
    assert checked.detail("cloud_assistant_too_old") == would % "aliyun_assist"
    assert checked.details("python_credentials_too_old") == {would % LIBRARY}
    assert checked.played.failed == {"dnf": 1} and rpms.installed(made.host) == BEFORE, "check mode upgrades nothing"

    one = made.remedy("cloud_init")
    now = {**BEFORE, "cloud-init": "23.2.2-2.al8", "python3-netifaces": "0.10.6-4.el8"}
    assert rpms.installed(made.host) == now, "only this package and what it requires"
    assert "cloud_init_too_old" not in one.findings and one.detail("cloud_assistant_too_old") == ""
    assert one.played.failed == {"dnf": 1} and options(made) == "optional"

    others = made.remedy(*ALL)
    now |= {"aliyun_assist": "2.2.4.1100-1", LIBRARY: "0.3.6-1"}
    assert rpms.installed(made.host) == now
    # The application contains the library, and is not upgraded for it.
    assert {it["evidence"]["path"] for it in others.findings["python_credentials_too_old"]} == {BUNDLED}
    assert "the file belongs to another package" in others.detail("python_credentials_too_old")
    assert others.played.failed == {"dnf": 1} and options(made) == "optional"

    again = made.remedy(*ALL)
    assert rpms.installed(made.host) == now and again.played.changed == {"dnf": 0}
    assert "not installed as a package of its own" in again.detail("python_credentials_too_old")

    # The fence needs nft, which the role installs with dnf as well.
    made.host.output("rm", BUNDLED)
    made.offer(*OFFERED, Package("nftables", "1.0.4", "4.al8", copies=((el8.NFT, "/usr/sbin/nft"),)))
    enforced = made.remedy(*ALL, hardening_fence="enforce")
    enforced.played.check()
    assert rpms.installed(made.host) == {**now, "nftables": "1.0.4-4.al8"} and options(made) == "required"
    assert "jump local" in made.host.output("nft", "list", "table", "inet", "alicloud_imds")


def test_what_dnf_cannot_upgrade_stays_a_finding_with_the_reason(managed: Callable[..., Managed]) -> None:
    """None of these stops the play by itself: the finding decides, and each time the reason is in the report."""
    made = managed()

    def refused(reason: str, *offered: Package, **repository: str) -> None:
        made.offer(*offered, **repository)
        done = made.remedy("cloud_init")
        detail = done.detail("cloud_init_too_old")
        assert f"Not remedied: {reason}" in detail and "\\n" not in detail, detail
        assert reason in " ".join(done.played.output.split()), done.played.output
        assert rpms.installed(made.host) == BEFORE and options(made) == "optional"
        assert done.played.failed == {"dnf": 1} and "Nothing was changed." in done.played.output

    no_newer, failed = "the package manager has no newer version of cloud-init.", "the upgrade of cloud-init failed: "
    refused(no_newer, *OFFERED, excludepkgs="cloud-init")
    refused(failed + "Failed to validate GPG signature for cloud-init-23.2.2-2.al8.noarch: ", *OFFERED, gpgcheck="1")
    needs = (
        "Depsolve Error occurred: Problem: cannot install the best update candidate for package cloud-init-22.1-5.el8"
    )
    refused(failed + needs, OFFERED[1])
    conflicting = Package("cloud-init", "23.2.2", "3.al8", tags=("Conflicts: systemd",))
    conflict = "Depsolve Error occurred: Problem: package cloud-init-23.2.2-3.al8.noarch conflicts with systemd "
    refused(failed + conflict, conflicting)
    rpms.enable(made.host, "mirror", "/srv/unavailable")
    refused(failed + "Failed to download metadata for repo 'mirror': ", *OFFERED)
    rpms.disable(made.host, "mirror")

    made.offer(Package("cloud-init", "22.4", "1.al8"))
    done = made.remedy("cloud_init")
    assert rpms.installed(made.host) == {**BEFORE, "cloud-init": "22.4-1.al8"}
    assert "cloud-init was upgraded, but the finding remains: the new version" in done.detail("cloud_init_too_old")
    assert done.played.failed == {"dnf": 1} and options(made) == "optional"

    # On EL8, dnf has a library for Python 3.6 only, which this ansible-core does not support. Empty files are enough to import it.
    made.host.output("sh", "-ec", MOVED)
    made.host.output(el8.PLATFORM_PYTHON, "-c", "import dnf")
    detail = made.remedy("cloud_init").detail("cloud_init_too_old")
    assert f"{failed}Could not import the dnf python module using {el8.NEWER_PYTHON} " in detail, detail

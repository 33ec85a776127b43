# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select the packages that remedy findings, and explain findings that no upgrade has remedied. Pure functions.

Only packages that contain nothing but the software of the finding are upgraded: an application that bundles an old library is not.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line

Result = t.Mapping[str, t.Any]


class Remedy(t.NamedTuple):
    """The findings that an upgrade can remedy, and the names of the packages that may be upgraded for them."""

    findings: t.FrozenSet[str]
    package: "re.Pattern[str]"


REMEDIES = {
    "cloud_init": Remedy(
        frozenset(("cloud_init_too_old", "cloud_init_below_vendor_minimum")), re.compile("cloud-init")
    ),
    "cloud_assistant": Remedy(
        frozenset(("cloud_assistant_too_old", "cloud_assistant_noise")), re.compile("aliyun[-_]assist")
    ),
    "credentials_packages": Remedy(
        frozenset("%s_credentials_too_old" % it for it in ("python", "node", "java", "php")),
        re.compile(r"[a-z0-9.+-]*(alibabacloud|alicloud|aliyun)[a-z0-9.+-]*credentials[a-z0-9.+-]*"),
    ),
}
# The commands that print the package that owns a file
_OWNER = {
    "apt": ["dpkg-query", "--search"],
    **dict.fromkeys(("dnf", "dnf5"), ["rpm", "--query", "--queryformat", "%{NAME}\\n", "--file"]),
}
# Evidence of a package from the package database names the database, and, except for cloud-init, the package.
_DATABASES = re.compile("/var/lib/dpkg/|/(var/lib|usr/lib/sysimage|usr/share)/rpm")
_MOST = 20  # files to look up
_LONGEST = 300


def wanted(run: Result) -> t.List[str]:
    """Return the remedies of ``hardening_remedies`` for which the host has findings without a waiver."""
    chosen = (run.get("settings") or {}).get("remedies") or ()
    return [name for name in chosen if _findings(run, name)]


def lookups(run: Result, name: str, manager: t.Any) -> t.List[t.List[str]]:
    """Return the commands that print the owners of the files in the findings, none for an unknown package manager."""
    command = _OWNER.get(str(manager))
    return [[*command, path] for path in _paths(run, name) if not _DATABASES.match(path)] if command else []


def packages(run: Result, name: str, owners: t.Iterable[Result], manager: t.Any) -> t.List[str]:
    """Return the installed packages to upgrade for a remedy. *owners* are the results of the commands of `lookups`."""
    if str(manager) not in _OWNER:
        return []
    evidence = [it.get("evidence") or {} for it in _findings(run, name)]
    found = [str(it.get("package") or "cloud-init") for it in evidence if _DATABASES.match(str(it.get("path")))]
    for it in owners:
        for line in str(it.get("stdout") or "").splitlines() if it.get("rc") == 0 else ():
            # dpkg-query prints "name:amd64, other: /path", rpm prints "name"
            found += [part.strip().partition(":")[0] for part in line.partition(": ")[0].split(",")]
    return [it for it in dict.fromkeys(found) if REMEDIES[name].package.fullmatch(it)]


def changed(run: Result) -> bool:
    """Return whether packages were upgraded, or would be in check mode."""
    return any(it.get("changed") for it in _results(run).values())


def upgraded(run: Result) -> t.List[str]:
    """Return the names of the packages that were upgraded."""
    done = [] if run.get("check_mode") else [it for it in _results(run).values() if it.get("changed")]
    return [name for it in done for name in it["packages"]]


def explained(run: Result) -> t.Any:
    """Return the findings of the preflight check; those that a remedy was to resolve have a sentence about it in ``detail``."""
    found = (run.get("preflight") or {}).get("findings")
    if not found or not _results(run):
        return found
    return [{**it, "detail": " ".join(filter(None, (it.get("detail"), _reason(run, it))))} for it in found]


def reasons(run: Result, findings: t.Iterable[Result]) -> t.List[str]:
    """Return the sentences about remedies of these *findings* of the preflight check."""
    return list(dict.fromkeys(filter(None, (_reason(run, it) for it in findings))))


def _reason(run: Result, finding: Result) -> str:
    if finding.get("waived") is not None:
        return ""
    found = (_why(run, it) for name, it in _results(run).items() if finding.get("id") in REMEDIES[name].findings)
    return next(found, "")


def _why(run: Result, result: Result) -> str:
    names = ", ".join(result["packages"])
    if result["manager"] not in _OWNER:
        return one_line(
            "Not remedied: the role upgrades packages with apt or dnf only, not with %s." % result["manager"], _LONGEST
        )
    if not names:
        return (
            "Not remedied: the software is not installed as a package of its own that the package manager can upgrade."
        )
    if result.get("failed"):
        reason = " ".join(str(result.get("msg") or "no reason.").split())
        return one_line("Not remedied: the upgrade of %s failed: %s" % (names, reason), _LONGEST)
    if not result.get("changed"):
        return "Not remedied: the package manager has no newer version of %s." % names
    if run.get("check_mode"):
        return "A run without check mode upgrades %s, and checks again." % names
    return (
        "%s was upgraded, but the finding remains: the new version does not support tokens either, or the file belongs to"
        " another package." % names
    )


def _findings(run: Result, name: str) -> t.List[Result]:
    found = (run.get("preflight") or {}).get("findings") or ()
    return [it for it in found if it.get("id") in REMEDIES[name].findings and it.get("waived") is None]


def _paths(run: Result, name: str) -> t.List[str]:
    places = ((it.get("evidence") or {}).get("path") for it in _findings(run, name))
    return list(dict.fromkeys(it for it in places if isinstance(it, str) and it.startswith("/")))[:_MOST]


def _results(run: Result) -> t.Mapping[str, Result]:
    found = run.get("remedied")
    return found if isinstance(found, t.Mapping) else {}

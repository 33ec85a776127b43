# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The next steps, in order, with the hosts of each and a command that can be pasted. No I/O."""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line, printable

from . import _words
from ._hosts import BLOCKED, HAS_CALLERS, NOT_CHECKED, NOT_MANAGED, NOT_WATCHED, READY, UNKNOWN, is_blocking
from ._text import counted
from ._views import DISAGREE

Document = t.Mapping[str, t.Any]
_AUDIT, _HARDEN = "ansible-playbook alicloud.imds.audit", "ansible-playbook alicloud.imds.harden"
_WATCH = "--extra-vars hardening_enforce=false"
_MOST = 20  # names in a command or a line
_FEW = 3  # findings of a step
_LONGEST = 400
# Other characters have a meaning in patterns of hosts, or in a shell.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_EXPIRED = re.compile(r"finding: ([^,:]+).*expires: (\d{4}-\d\d-\d\d)")


class Step(t.NamedTuple):
    """A next step: title, reason, the names of its hosts, the filter that shows them, and a command if there is one."""

    title: str
    why: str
    names: t.List[str]
    filter: str
    command: t.Optional[str] = None

    @property
    def hosts(self) -> int:
        return len(self.names)


def steps(document: Document) -> t.List[Step]:
    """Return the next steps that have hosts, in order."""
    hosts: t.Dict[str, t.List[Document]] = {name: [] for name in _words.FILTERS}
    for host in document["hosts"]:
        for name in _words.filters(host):
            hosts[name].append(host)
    return [it for it in (*_to_clarify(hosts), *_to_enforce(hosts), *_to_complete(hosts, document)) if it.names]


def lines(document: Document) -> t.List[str]:
    """Return the next steps as lines for a terminal, with names."""
    found = []
    for place, step in enumerate(steps(document), 1):
        found.append("%d. %s: %s" % (place, step.title, some(step.names)))
        found.append("   " + step.why.replace("`", ""))
        found += ["   " + step.command] if step.command else []
    return [printable(it) for it in found]


def some(names: t.Sequence[str]) -> str:
    """Return the first names, and the number of the others."""
    more = ["and %s more" % format(len(names) - _MOST, ",")] if len(names) > _MOST else []
    return ", ".join([*names[:_MOST], *more])


def shown_finding(finding: Document, others: t.Iterable[Document]) -> str:
    """Return title and evidence of a finding, the key of a waiver for it, and the waiver among *others* (findings) that expired."""
    place = [finding["evidence"] or finding["id"], "waiver key %s" % waiver_key(finding)]
    waived = finding["waived"]
    dates = [waived["expires"]] if waived else [it for it in map(_expired(finding["id"]), others) if it]
    place += ["waiver expired on %s" % date for date in dates[:1]]
    return one_line("%s (%s)" % (finding["title"].rstrip("."), "; ".join(place)), _LONGEST)


def waiver_key(finding: Document) -> str:
    """Return what a waiver names as its ``finding``, to cover this one: the ID, and the path in the evidence if there is one."""
    path = re.match(r"path: ([^,]+)", finding["evidence"] or "")
    return "%s:%s" % (finding["id"], path.group(1)) if path else str(finding["id"])


def _expired(finding_id: str) -> t.Callable[[Document], t.Optional[str]]:
    """Return the function that returns the date of the finding of an expired waiver for *finding_id*, None for other findings."""

    def date(other: Document) -> t.Optional[str]:
        matched = _EXPIRED.search(other["evidence"] or "") if other["id"] == "waiver_expired" else None
        return matched.group(2) if matched and fnmatch.fnmatchcase(finding_id, matched.group(1)) else None

    return date


def _step(
    title: str, why: str, hosts: t.Sequence[Document], filter: str, command: str = "", unit: str = "host"
) -> Step:
    """Return a step; *title* has the place of the number of hosts, *command* may lack ``--limit``."""
    names = [it["host"] for it in hosts]
    plain = [name for name in names if _PLAIN.fullmatch(name)][:_MOST]
    left = len(names) - len(plain)
    if command and left:
        why += " The command omits %s: it has at most %d names, and none with special characters." % (
            counted(left, "host"),
            _MOST,
        )
    limited = command.replace(" --", " --limit %s --" % ",".join(plain), 1) if " --" in command else ""
    limited = limited or "%s --limit %s" % (command, ",".join(plain))
    return Step(title % counted(len(names), unit), why, names, filter, limited if command and plain else None)


def _to_clarify(hosts: t.Mapping[str, t.List[Document]]) -> t.Iterator[Step]:
    yield _step(
        "Review the last run on %s",
        "It failed, was rolled back or could not reach them. The details of each host give the reason.",
        hosts[_words.FAILED],
        _words.FAILED,
    )
    yield _step(
        "Resolve the disagreement between API and host on %s",
        "One of the two views is wrong. Until you know which, neither of them is evidence.",
        hosts[DISAGREE],
        DISAGREE,
    )


def _to_enforce(hosts: t.Mapping[str, t.List[Document]]) -> t.Iterator[Step]:
    yield _step("Resolve the blocking findings on %s", _findings(hosts[BLOCKED]), hosts[BLOCKED], BLOCKED)
    yield _step(
        "Update the normal-mode callers on %s",
        "No finding blocks these hosts, but programs on them send normal-mode requests, which fail once tokens are required.",
        hosts[HAS_CALLERS],
        HAS_CALLERS,
    )
    yield _step(
        "Run the preflight check on %s",
        "It has not run yet, so what would break on them is unknown.",
        hosts[NOT_CHECKED],
        NOT_CHECKED,
        _AUDIT,
    )
    yield _step(
        "Watch %s",
        "The callers watch has no records of them, or records of less than the quiet period. Programs that no file shows would break"
        " unnoticed. Install the watch, and run the audit again after the quiet period; or waive `callers_*`.",
        hosts[NOT_WATCHED],
        NOT_WATCHED,
        "%s %s" % (_HARDEN, _WATCH),
    )
    yield _step(
        "Require tokens on %s",
        "They have no blocking finding and no normal-mode caller, and were watched.",
        hosts[READY],
        READY,
        _HARDEN,
    )


def _to_complete(hosts: t.Mapping[str, t.List[Document]], document: Document) -> t.Iterator[Step]:
    without = document["totals"]["without_instance_id"]
    perhaps = " %s without a known instance ID may be among them." % counted(without, "host") if without else ""
    yield _step(
        "Add %s to the inventory",
        "They are in the account, but no host of the inventory has their instance ID." + perhaps,
        hosts[NOT_MANAGED],
        NOT_MANAGED,
        unit="instance",
    )
    others = [it for it in hosts[UNKNOWN] if _words.NOT_ECS not in _words.filters(it)]
    yield _step(
        "Determine the mode of %s",
        "Neither the API nor the host reported it. Check that the hosts are reachable and that the API permissions are complete.",
        others,
        UNKNOWN,
    )
    yield _step(
        "Confirm that %s cannot be examined",
        "By their own account they are not ECS instances, or Ansible reaches them as Windows hosts. If that is right, omit them from"
        " `imds_hosts`.",
        hosts[_words.NOT_ECS],
        _words.NOT_ECS,
    )
    yield _step(
        "Examine %s again",
        "The last run did not include or not reach them. Their state is the last known one, with its date.",
        [it for it in hosts[_words.LAST_KNOWN] if it["managed"]],
        _words.LAST_KNOWN,
        _AUDIT,
    )


def _findings(hosts: t.Iterable[Document]) -> str:
    """Return the first blocking findings of *hosts* with their place and the key of a waiver."""
    found = [
        "%s: %s" % (host["host"], shown_finding(it, host["findings"]))
        for host in hosts
        for it in host["findings"]
        if is_blocking(it)
    ]
    more = ["%s more" % format(len(found) - _FEW, ",")] if len(found) > _FEW else []
    return "; ".join([*found[:_FEW], *more]) + "."

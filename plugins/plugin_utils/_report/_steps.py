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
from ._language import ENGLISH, Words
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


def steps(document: Document, texts: Words = ENGLISH) -> t.List[Step]:
    """Return the next steps that have hosts, in order, and their texts in a language."""
    document = texts.document(document)
    hosts: t.Dict[str, t.List[Document]] = {name: [] for name in _words.FILTERS}
    for host in document["hosts"]:
        for name in _words.filters(host):
            hosts[name].append(host)
    made = (
        _step("failed", hosts[_words.FAILED], texts),
        _step(DISAGREE, hosts[DISAGREE], texts),
        _step(BLOCKED, hosts[BLOCKED], texts, findings=_findings(hosts[BLOCKED], texts)),
        _step(HAS_CALLERS, hosts[HAS_CALLERS], texts),
        _step(NOT_CHECKED, hosts[NOT_CHECKED], texts, _AUDIT),
        _step(NOT_WATCHED, hosts[NOT_WATCHED], texts, "%s %s" % (_HARDEN, _WATCH)),
        _step(READY, hosts[READY], texts, _HARDEN),
        _not_managed(hosts[NOT_MANAGED], document["totals"]["without_instance_id"], texts),
        _step(UNKNOWN, [it for it in hosts[UNKNOWN] if _words.NOT_ECS not in _words.filters(it)], texts),
        _step(_words.NOT_ECS, hosts[_words.NOT_ECS], texts),
        _step(_words.LAST_KNOWN, [it for it in hosts[_words.LAST_KNOWN] if it["managed"]], texts, _AUDIT),
    )
    return [it for it in made if it.names]


def lines(document: Document, texts: Words = ENGLISH) -> t.List[str]:
    """Return the next steps as lines for a terminal, with names."""
    found = []
    for place, step in enumerate(steps(document, texts), 1):
        found.append(texts("step.line", place=place, title=step.title, names=some(step.names, texts)))
        found.append("   " + step.why.replace("`", ""))
        found += ["   " + step.command] if step.command else []
    return [printable(it) for it in found]


def some(names: t.Sequence[str], texts: Words = ENGLISH) -> str:
    """Return the first names, and the number of the others."""
    more = [texts("step.more_names", number=format(len(names) - _MOST, ","))] if len(names) > _MOST else []
    return ", ".join([*names[:_MOST], *more])


def shown_finding(finding: Document, others: t.Iterable[Document], texts: Words = ENGLISH) -> str:
    """Return title and evidence of a finding, the key of a waiver for it, and the waiver among *others* (findings) that expired."""
    place = [finding["evidence"] or finding["id"], texts("waiver.key", key=waiver_key(finding))]
    waived = finding["waived"]
    dates = [waived["expires"]] if waived else [it for it in map(_expired(finding["id"]), others) if it]
    place += [texts("waiver.expired", date=date) for date in dates[:1]]
    return one_line("%s (%s)" % (finding["title"].rstrip(".。"), "; ".join(place)), _LONGEST)


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


def _step(name: str, hosts: t.Sequence[Document], texts: Words, command: str = "", **values: str) -> Step:
    """Return the step *name*, which is also the filter of its hosts; *command* may lack ``--limit``."""
    names = [it["host"] for it in hosts]
    plain = [it for it in names if _PLAIN.fullmatch(it)][:_MOST]
    left = len(names) - len(plain)
    why = texts("step.%s.why" % name, **values)
    if command and left:
        why += texts("step.omitted", hosts=texts.counted(left, "host"), most=_MOST)
    limited = command.replace(" --", " --limit %s --" % ",".join(plain), 1) if " --" in command else ""
    limited = limited or "%s --limit %s" % (command, ",".join(plain))
    unit = "instance" if name == NOT_MANAGED else "host"
    title = texts("step." + name, hosts=texts.counted(len(names), unit))
    return Step(title, why, names, name, limited if command and plain else None)


def _not_managed(hosts: t.Sequence[Document], without: int, texts: Words) -> Step:
    step = _step(NOT_MANAGED, hosts, texts)
    perhaps = texts("step.not_managed.perhaps", hosts=texts.counted(without, "host")) if without else ""
    return step._replace(why=step.why + perhaps)


def _findings(hosts: t.Iterable[Document], texts: Words) -> str:
    """Return the first blocking findings of *hosts* with their place and the key of a waiver."""
    found = [
        texts("step.finding", host=host["host"], finding=shown_finding(it, host["findings"], texts))
        for host in hosts
        for it in host["findings"]
        if is_blocking(it)
    ]
    more = [texts("step.blocked.more", number=format(len(found) - _FEW, ","))] if len(found) > _FEW else []
    return "; ".join([*found[:_FEW], *more])

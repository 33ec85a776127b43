# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as SARIF 2.1.0 for code scanning: one run, a rule for each kind of finding, a result for each finding of a host. No I/O.

The numbers in comments are sections of https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from urllib.parse import quote

from ansible_collections.alicloud.imds.plugins.module_utils._command._version import VERSION
from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG

from . import _future
from ._document import CONTROL
from ._hosts import NON_COMPLIANT, UNKNOWN
from ._validation import DERIVED, UNKNOWN_FINDING
from ._views import DISAGREE_KIND

Document = t.Mapping[str, t.Any]
_Object = t.Dict[str, t.Any]
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_REPOSITORY = "https://github.com/alicloud-imds/alicloud.imds"
_LEVELS = {"block": "error", "warn": "warning", "info": "note"}
_BASE = "HOSTS"
_BASE_TEXT = "The file systems of all hosts: the first segment is the name of the host."
_UNCHECKED = "The preflight check has no results of %s, so what would break on it is unknown."
_UNREAD = "What creates instances could not be read, so it is unknown whether they will require tokens. %s"
_FIELD = re.compile(r"(?:^|, )([a-z_]{1,20}): ")
# What identifies a finding on its host, other than text that changes from run to run such as versions, counts and times
_STABLE = ("path", "exe", "comm", "unit", "container", "package", "module", "check", "finding")


def sarif(document: Document) -> str:
    """Return the report as a SARIF log."""
    rules = _rules()
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    results = [it for host in document["hosts"] for it in _of_host(host)] + list(_of_future(document["future"]))
    for it in results:
        it["ruleId"] = it["ruleId"] if it["ruleId"] in index else UNKNOWN_FINDING
        it["ruleIndex"] = index[it["ruleId"]]
    invocation = {"executionSuccessful": True, "endTimeUtc": document["generated_at"]}
    not_checked = [it["host"] for it in document["hosts"] if not it["checked"]]
    unread = _future.unread(document["future"]) if document["future"] else []
    notifications = [_notification(_UNCHECKED % it) for it in not_checked] + [
        _notification(_UNREAD % it) for it in unread
    ]
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    run = {
        "tool": {
            "driver": {"name": "alicloud.imds", "version": VERSION, "informationUri": _REPOSITORY, "rules": rules}
        },
        "automationDetails": {"id": "alicloud.imds/"},
        "invocations": [invocation],
        "originalUriBaseIds": {_BASE: {"description": {"text": _BASE_TEXT}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rules() -> t.List[_Object]:
    compliance = {
        "severity": "block",
        "title": CONTROL["title"],
        "impact": "Programs on the instance, and requests that are forged on the server side, read credentials without a token.",
        "remedy": "Run `ansible-playbook alicloud.imds.harden`.",
    }
    kinds = {CONTROL["id"]: compliance, **{name: it._asdict() for name, it in CATALOG.items()}}
    kinds.update({it["id"]: it for it in (*DERIVED, DISAGREE_KIND, _future.KIND)})
    return [_rule(name, it) for name, it in kinds.items()]


def _rule(name: str, kind: t.Mapping[str, t.Any]) -> _Object:
    parts = ("What breaks when tokens are required: " + kind["impact"], "Remedy: " + kind["remedy"])
    return {
        "id": name,
        "shortDescription": {"text": _plain(kind["title"])},
        "fullDescription": {"text": _plain("%s. %s" % (kind["title"], kind["impact"]))},
        "help": {"text": _plain("\n\n".join(parts))},
        "defaultConfiguration": {"level": _LEVELS[kind["severity"]]},
    }


def _of_host(host: Document) -> t.Iterator[_Object]:
    if host["state"] == NON_COMPLIANT:
        yield _result(
            host, CONTROL["id"], "error", "%s accepts normal-mode requests, which carry no token." % host["host"]
        )
    elif host["state"] == UNKNOWN:
        text = "It is unknown whether %s accepts normal-mode requests: neither the API nor the host reported a mode."
        # 3.27.9, 3.27.10: a result that is not a failure has the level none
        yield {**_result(host, CONTROL["id"], "none", text % host["host"]), "kind": "open"}
    seen: t.Dict[str, int] = {}
    for finding in host["findings"]:
        yield _finding(host, finding, seen)


def _finding(host: Document, finding: Document, seen: t.Dict[str, int]) -> _Object:
    evidence, waived = fields(finding["evidence"] or ""), finding["waived"]
    lines = ["%s: %s" % (host["host"], finding["title"]), *filter(None, (finding["evidence"],))]
    if waived and not finding["waiver_holds"]:
        lines.append("The waiver expired on %s: %s" % (waived["expires"], waived["reason"]))
    path, line = evidence.get("path", ""), evidence.get("line", "")
    key = "\0".join([finding["id"], *(evidence.get(name, "") for name in _STABLE)])
    seen[key] = seen.get(key, 0) + 1
    made = _result(
        host, finding["id"], _LEVELS[finding["severity"]], "\n".join(lines), path, "%s\0%d" % (key, seen[key])
    )
    if re.fullmatch(r"[1-9][0-9]{0,8}", line):
        made["locations"][0]["physicalLocation"]["region"] = {"startLine": int(line)}
    if waived and finding["waiver_holds"]:
        reason = "Waived until %s: %s" % (waived["expires"], waived["reason"])
        made["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": printable(reason, keep="\n")}
        ]
    return made


def _of_future(future: t.Optional[Document]) -> t.Iterator[_Object]:
    for it in _future.failing(future):
        where = {"host": it["region_id"] or "no region"}
        yield _result(where, _future.KIND["id"], "error", _future.sentence(it), "%(kind)s/%(id)s/%(version)s" % it)
    if future is None:
        return
    unread = {it["region_id"]: (it["region_id"], "%(region_id)s: %(error)s" % it) for it in future["failed_regions"]}
    for error in future["errors"]:
        unread.setdefault(error.partition(": ")[0], ("no region", error))
    for key, (place, text) in unread.items():
        made = _result({"host": place}, _future.KIND["id"], "none", _UNREAD % text, key="unread " + key)
        yield {**made, "kind": "open"}


def _result(host: Document, rule: str, level: str, text: str, path: str = "", key: str = "") -> _Object:
    """Return a result with the host, and the *path* on it, as location. *key* distinguishes the findings of one rule on one host."""
    name = host["host"]
    identity = "\0".join((name, rule, path, key)).encode("utf-8", "surrogatepass")
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": _plain(text)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(name, path), "uriBaseId": _BASE}},
                "logicalLocations": [{"fullyQualifiedName": printable(name), "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"hostFinding/v1": hashlib.sha256(identity).hexdigest()},
        # 3.27.23: either all results of a run have suppressions, or none
        "suppressions": [],
    }


def _notification(text: str) -> _Object:
    return {"level": "warning", "message": {"text": _plain(text)}}


def fields(evidence: str) -> t.Dict[str, str]:
    """Return the keys and values of *evidence*, text such as ``path: /etc/x, line: 3``. Of equal keys, the first counts."""
    parts = _FIELD.split(evidence)
    found: t.Dict[str, str] = {}
    for name, value in zip(parts[1::2], parts[2::2]):
        found.setdefault(name, value.split(" - ")[0])
    return found


def _uri(host: str, path: str) -> str:
    """Return a relative URI: the name of the host, then the path on it. No name or path can leave the folder of its host."""
    segments = [host, *(it for it in path.split("/") if it)]
    return "/".join(_segment(it) for it in segments)


def _segment(text: str) -> str:
    # RFC 3986 resolves "." and "..", also if they are encoded
    return quote(text + "~" if text in (".", "..") else text, safe="", errors="surrogatepass")


def _plain(text: str) -> str:
    """Return *text* as a plain text message without placeholders (3.11.5: braces are doubled) and links (3.11.6).

    A space breaks links, because some viewers ignore backslashes.
    """
    return printable(text, keep="\n").replace("](", "] (").replace("{", "{{").replace("}", "}}")

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate the entries of hosts one by one, and bound them. No I/O.

The results of a compromised host may have any form and size. They must not prevent the report of the other hosts, and must not make
that host look better: each part that cannot be read is omitted, named in a finding that blocks, and never counts as checked.
"""

from __future__ import annotations

import math
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line, printable
from ansible_collections.alicloud.imds.plugins.module_utils._common._utc import parse_date
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import BLOCK, CATALOG

from ._options import HOST
from ._text import cut
from ._views import DISAGREE

Entry = t.Dict[str, t.Any]
# Validate a dictionary by an argument specification; return the valid values and the errors.
Validate = t.Callable[[Entry, Entry], t.Tuple[Entry, t.List[str]]]

MOST_ITEMS = 2000  # findings or callers of one host
MOST_VALUES = 500  # of any other list or dictionary
DEEPEST = 8
LONGEST_NAME = 255
NOT_UNDERSTOOD = "entry_not_understood"
UNKNOWN_FINDING = "unknown_finding"
_LARGEST = 2**63
_SHOWN = 5  # errors of one host
_LONGEST = 200  # characters of an error
_LISTS = ("findings", "callers")
_INVALID: Entry = {
    "id": NOT_UNDERSTOOD,
    "severity": BLOCK,
    "title": "Some results of this host have an invalid form",
    "detail": None,
    "impact": "The parts named in the evidence are missing in this report, so what would break on the host is unknown.",
    "remedy": "Run `ansible-playbook alicloud.imds.audit` again. If the finding persists, examine who can change files on the host.",
    "waived": None,
}
_UNKNOWN: Entry = {
    "id": UNKNOWN_FINDING,
    "title": "The finding is not in the catalog of this version",
    "impact": "Unknown. The evidence has the ID and the title that were given.",
    "remedy": "Examine the host. docs/preflight-findings.md lists all findings.",
}
# The kinds of findings that are not in the catalog
DERIVED = (_INVALID, {**_UNKNOWN, "severity": BLOCK})


def entries(given: t.Iterable[t.Any], validate: Validate) -> t.List[Entry]:
    """Return an entry for each host in *given*: all keys of the argument specification, with None for what is missing.

    Entries with the same name become one without content, because none of them is more credible than the others.
    """
    found: t.Dict[str, Entry] = {}
    for place, one in enumerate(given, 1):
        entry = _entry(one, place, validate)
        name = entry["host"]
        found[name] = _rejected(name, "host: several entries have this name") if name in found else entry
    return list(found.values())


def restored(stored: Entry, validate: Validate) -> Entry:
    """Return the entry of a host in the JSON form of a report, which is validated like the results of a host.

    Findings that the report derives from the others are omitted, except that a part which was invalid then is invalid now.
    """
    given = {key: _without_none(stored.get(key)) for key in HOST}
    derived = {it["id"]: it for it in stored["findings"] if it["id"] in (DISAGREE, NOT_UNDERSTOOD)}
    findings = [_known_keys(it, "findings") for it in stored["findings"] if it["id"] not in derived]
    given["findings"] = findings if findings or stored["checked"] else None
    if isinstance(given["callers"], list):
        given["callers"] = [_known_keys(it, "callers") for it in given["callers"]]
    entry = _entry(given, 1, validate)
    if NOT_UNDERSTOOD in derived:
        parts = ["findings", *(part for part in HOST if part in stored.get("not_understood", ()))]
        entry["findings"] = [it for it in entry["findings"] or () if it["id"] != NOT_UNDERSTOOD]
        entry = _with_errors(entry, dict.fromkeys(parts, [str(derived[NOT_UNDERSTOOD].get("evidence"))]))
    return entry


def _without_none(value: t.Any) -> t.Any:
    """Return a dictionary without keys that were not given: None is none of the choices of an option."""
    return {key: it for key, it in value.items() if it is not None} if isinstance(value, dict) else value


def _known_keys(item: t.Any, part: str) -> t.Any:
    return {key: item[key] for key in HOST[part]["options"] if key in item} if isinstance(item, dict) else item


def _entry(given: t.Any, place: int, validate: Validate) -> Entry:
    if not isinstance(given, dict):
        return _rejected("entry %d" % place, "the entry is not a dictionary")
    name = given.get("host")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return _rejected("entry %d" % place, "host: the name is missing or longer than %d characters" % LONGEST_NAME)
    errors: t.Dict[str, t.List[str]] = {}
    entry = {part: _part(part, given.get(part), validate, errors) for part in HOST}
    for key in given:
        if key not in HOST:
            errors.setdefault("", []).append("%s: not a key of an entry" % key)
    return _with_errors(entry, errors)


def _part(part: str, given: t.Any, validate: Validate, errors: t.Dict[str, t.List[str]]) -> t.Any:
    """Return the valid value of a key of an entry, None if it is missing or invalid, and add what is wrong to *errors*."""
    if given is None:
        return None
    if part in _LISTS and isinstance(given, list):
        return _items(part, given, validate, errors)
    value, wrong = validate({part: HOST[part]}, {part: bounded(given)})
    if wrong:
        errors.setdefault(part, []).extend(wrong)
        return None
    return value[part]


def _items(part: str, given: t.List[t.Any], validate: Validate, errors: t.Dict[str, t.List[str]]) -> t.List[Entry]:
    found: t.List[Entry] = []
    spec = HOST[part]["options"]
    for place, item in enumerate(given[:MOST_ITEMS], 1):
        valid, wrong = validate(spec, bounded(item)) if isinstance(item, dict) else ({}, ["not a dictionary"])
        if not wrong and part == "findings":
            valid, wrong = _finding(valid)
        if wrong:
            errors.setdefault(part, []).extend("%s: item %d: %s" % (part, place, it) for it in wrong)
        else:
            found.append(valid)
    if len(given) > MOST_ITEMS:
        errors.setdefault(part, []).append("%s: %d items, of which %d were read" % (part, len(given), MOST_ITEMS))
    return found


def _finding(given: Entry) -> t.Tuple[Entry, t.List[str]]:
    """Return a finding with the texts of the catalog, so that hosts cannot invent kinds of findings. Severity and evidence are theirs."""
    waived = given["waived"]
    try:
        if waived is not None:
            parse_date(waived["expires"])
    except ValueError:
        return {}, ["the waiver must expire on a date such as 2030-01-31, not %s" % waived["expires"]]
    known = CATALOG.get(given["id"])
    if known is not None:
        return {**given, "title": known.title, "impact": known.impact, "remedy": known.remedy}, []
    if given["id"] == UNKNOWN_FINDING:
        return {**given, **_UNKNOWN}, []
    evidence = given["evidence"]
    texts = {"id": given["id"], "title": given["title"]}
    texts.update(evidence if isinstance(evidence, dict) else {"evidence": evidence})
    return {**given, **_UNKNOWN, "evidence": texts}, []


def _rejected(name: str, error: str) -> Entry:
    return _with_errors({**dict.fromkeys(HOST), "host": name}, {part: [error] for part in HOST})


def _with_errors(entry: Entry, errors: t.Mapping[str, t.Sequence[str]]) -> Entry:
    """Add the names of the invalid parts, and a finding with the errors."""
    entry["not_understood"] = [part for part in HOST if part in errors]
    texts = list(dict.fromkeys(one_line(it, _LONGEST) for some in errors.values() for it in some))
    if texts:
        more = ["%d more" % (len(texts) - _SHOWN)] if len(texts) > _SHOWN else []
        entry["findings"] = [*(entry["findings"] or ()), {**_INVALID, "evidence": "; ".join(texts[:_SHOWN] + more)}]
        # without valid findings of its own, the host counts as not checked
        entry["not_understood"] = list(dict.fromkeys([*entry["not_understood"], "findings"]))
    return entry


def bounded(value: t.Any, depth: int = 0) -> t.Any:
    """Return *value* with cut texts, lists and dictionaries, and only numbers that JSON and browsers can represent."""
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, (dict, list)):
        return "(nested too deeply)" if depth > DEEPEST else _bounded_items(value, depth + 1)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return "(number out of range)" if isinstance(value, int) and abs(value) >= _LARGEST else value


def _bounded_items(value: t.Any, depth: int) -> t.Any:
    more = len(value) - MOST_VALUES
    if isinstance(value, list):
        return [bounded(it, depth) for it in value[:MOST_VALUES]] + (["... %d more" % more] if more > 0 else [])
    found = {cut(str(key)): bounded(value[key], depth) for key in list(value)[:MOST_VALUES]}
    return {**found, "...": "%d more" % more} if more > 0 else found


def shown(value: t.Any) -> t.Any:
    """Return *value* with printable texts, for output on a terminal."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): shown(it) for key, it in value.items()}
    return [shown(it) for it in value] if isinstance(value, list) else value

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Group the errors of many instances or regions by their cause, for a message that stays short. No I/O."""

import re
import typing as t

_MOST_CAUSES = 5
_MOST_NAMES = 3
# What differs between errors with the same cause
_DETAILS = (
    (re.compile(r"RequestId: \S+"), ""),
    (re.compile(r" \(gave up after \d+ tries in \d+ s\)"), ""),
    (re.compile(r" in [a-z0-9-]+ at https?://\S+?(?=: )"), ""),
    (re.compile(r"\bi-[0-9A-Za-z]+"), "i-..."),
)


def grouped(errors: t.Iterable[t.Tuple[str, str]], what: str) -> str:
    """Return the causes of *errors*, pairs of a name and an error: the most frequent first, each with count, names and one full error.

    *what* is the plural of what the names belong to. A single error is returned with its name only.
    """
    groups: t.Dict[str, t.List[t.Tuple[str, str]]] = {}
    for name, error in errors:
        groups.setdefault(_cause(name, error), []).append((name, error))
    ordered = sorted(groups.values(), key=len, reverse=True)
    texts = [_group(group, what) for group in ordered[:_MOST_CAUSES]]
    if len(ordered) > _MOST_CAUSES:
        left = ordered[_MOST_CAUSES:]
        texts.append("%d %s with %d other causes." % (sum(map(len, left)), what, len(left)))
    return " ".join(texts)


def _group(group: t.Sequence[t.Tuple[str, str]], what: str) -> str:
    name, error = group[0]
    if len(group) == 1:
        return "%s: %s" % (name, error)
    names = ", ".join([name for name, _error in group[:_MOST_NAMES]] + (["..."] if len(group) > _MOST_NAMES else []))
    return "%d %s (%s): %s" % (len(group), what, names, error)


def _cause(name: str, error: str) -> str:
    text = error.replace(name, "")
    for pattern, replacement in _DETAILS:
        text = pattern.sub(replacement, text)
    return text

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Summarize the recorded callers for the support bundle. Does no I/O."""

import typing as t

from .._imds._service import ADDRESS_IPV6
from . import _bundle_words as words

_MOST_CALLERS, _MOST_PROBLEMS = 50, 20

Section = t.Dict[str, t.Any]


def summary(found: Section, names: bool) -> Section:
    """Return the report *found* of `_callers._report` without texts; with their names, redacted, if *names* is true."""
    watch = found["watch"]
    return {
        "watch": {
            "running": watch["running"] is True,
            "since": words.moment(watch["since"]),
            "updated": words.moment(watch["updated"]),
            "attribution": words.word(watch["attribution"], words.ATTRIBUTION),
            "coverage": words.word(watch["coverage"], words.COVERAGE),
            "last_loss": words.moment(watch["last_loss"]),
            "problems": [words.message(text) or words.OTHER for text in watch["problems"]][-_MOST_PROBLEMS:],
            **{name: words.number(watch[name]) for name in ("dropped", "evicted", "lost_events")},
        },
        "last_normal_mode": words.moment(found["last_normal_mode"]),
        "quiet_since": words.moment(found["quiet_since"]),
        "callers": [_caller(caller, names) for caller in found["callers"][:_MOST_CALLERS]],
        "not_shown": len(found["callers"][_MOST_CALLERS:]),
    }


def _caller(caller: Section, names: bool) -> Section:
    uid = words.number(caller["uid"])
    shown: Section = {
        "program": words.program(caller["exe"]),
        "user": None if uid is None else "root" if uid == 0 else words.OTHER,
        "in_container": bool(caller["container"]),
        "in_unit": bool(caller["unit"]),
        "forwarded": bool(caller["source"]),
        "recorded_by": words.word(caller["recorded_by"], words.RECORDED_BY),
        "evidence": words.word(caller["evidence"], words.EVIDENCE),
        "requests": [_request(row) for row in caller["requests"]],
    }
    if names:
        shown["names"] = {
            name: words.redacted(caller[name]) for name in ("exe", "comm", "user", "unit", "container", "source")
        }
    return shown


def _request(row: Section) -> Section:
    return {
        "mode": words.word(row["mode"], words.REQUEST_MODES),
        "path": words.word(row["path"], words.PATHS),
        "noise": words.word(row["noise"], words.NOISE),
        "ipv6": row["address"] == ADDRESS_IPV6,
        "count": words.number(row["count"]),
        "first": words.moment(row["first"]),
        "last": words.moment(row["last"]),
    }

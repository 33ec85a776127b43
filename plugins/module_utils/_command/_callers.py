# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands watch and callers of ecs-metadata. This module util is private to the collection."""

from __future__ import annotations

import typing as t

from .._callers._file import NotReadable
from .._callers._load import callers as read_callers
from .._callers._report import Filter
from .._common._text import one_line, printable
from ._output import OTHER, USAGE, Failure, log_problem, write_json, write_text

_WIDEST = 60
_COLUMNS = ("CALLER", "USER", "PLACE", "MODE", "PATH", "COUNT", "LAST")


def watch(directory: str, seconds: t.Optional[float]) -> None:
    """Watch, and tell on standard error how it goes."""
    from .._watch._run import CannotWatch
    from .._watch._run import watch as run

    if seconds is not None and not seconds > 0:
        raise Failure(USAGE, "--seconds must be more than 0.")
    try:
        run(directory, seconds, log_problem)
    except CannotWatch as exc:
        raise Failure(OTHER, str(exc)) from None


def show_status(directory: str, as_json: bool) -> int:
    """Print how the watch does; the exit status is 0 while it runs."""
    watching = _read(directory, "", Filter())["watching"]
    if as_json:
        write_json(watching)
    else:
        write_text("\n".join(_sentences(watching)))
    return 0 if watching["running"] else OTHER


def show_callers(directory: str, logs: str, chosen: Filter, as_json: bool) -> None:
    """Print the callers as a table, or all there is as JSON."""
    report = _read(directory, logs, chosen)
    if as_json:
        write_json(report)
        return
    lines = [_COLUMNS, *(row for caller in report["callers"] for row in _rows(caller))]
    widths = [min(_WIDEST, max(len(line[at]) for line in lines)) for at in range(len(_COLUMNS))]
    shown = ["  ".join("%-*s" % cell for cell in zip(widths, line)).rstrip() for line in lines]
    write_text(
        "\n".join(
            (shown if len(lines) > 1 else ["No callers."]) + ["", *_sentences(report["watching"]), _verdict(report)]
        )
    )


def _read(directory: str, logs: str, chosen: Filter) -> t.Dict[str, t.Any]:
    try:
        return read_callers(directory, logs, chosen)
    except NotReadable as exc:
        raise Failure(OTHER, str(exc)) from None


def _rows(caller: t.Dict[str, t.Any]) -> t.Iterator[t.Tuple[str, ...]]:
    """One row for each kind of request; the names are hostile."""
    name = "(all others)" if caller["summed_up"] else _name(caller)
    who = caller["user"] or ("" if caller["uid"] is None else str(caller["uid"]))
    where = caller["container"] or caller["unit"] or ""
    if caller["source"] and name != caller["source"]:
        where = ("%s from %s" % (where, caller["source"])).strip()
    for row in caller["requests"]:
        mode = row["mode"] + (" (%s)" % row["noise"] if row["noise"] else "")
        cells = (name, who, where, mode, row["path"], str(row["count"]), row["last"])
        yield tuple(one_line(cell, _WIDEST) for cell in cells)


def _name(caller: t.Dict[str, t.Any]) -> str:
    """The executable, and what the process calls itself if that is something else."""
    exe, comm = caller["exe"], caller["comm"]
    if exe and comm and exe.rpartition("/")[2][:15] != comm:
        return "%s (%s)" % (exe, comm)
    return str(exe or comm or caller["source"] or "(unknown)")


def _sentences(watching: t.Dict[str, t.Any]) -> t.List[str]:
    if not watching["running"]:
        first = "No watch is running" + (
            ", the last wrote at %s." % watching["updated"] if watching["updated"] else "."
        )
    else:
        found_by = watching["found_by"]
        first = "Watching since %s, callers found by: %s." % (watching["since"] or "a moment ago", found_by)
    lost = "%d packets were lost, %d connections forgotten." % (watching["dropped"], watching["forgotten"])
    missed = [lost] if watching["dropped"] or watching["forgotten"] else []
    return [printable(line) for line in [first, *missed, *watching["problems"]]]


def _verdict(report: t.Dict[str, t.Any]) -> str:
    if report["quiet_since"] is None:
        return "Whether the plain mode is still used is not known while nobody watches."
    return "No request without a token since %s." % report["quiet_since"]

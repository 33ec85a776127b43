# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands ``watch`` and ``callers`` of ecs-metadata."""

import json
import os
import time
import typing as t

from .._callers._file import NotReadable
from .._callers._load import callers as read_callers
from .._callers._report import Filter
from .._callers._vocabulary import LOG_DIRECTORY, PARTIAL, STATE_DIRECTORY
from .._common._text import one_line, printable
from .._imds._service import ADDRESS_IPV6
from ._output import OTHER, USAGE, Failure, log_problem, write_json, write_text

_WIDEST = 60
_FOLLOW_SECONDS = 1.0
_COLUMNS = ("CALLER", "USER", "PLACE", "MODE", "PATH", "COUNT", "LAST")
_COUNT = _COLUMNS.index("COUNT")


def watch(directory: str, seconds: t.Optional[float]) -> None:
    """Run the callers watch until a signal arrives, or for *seconds*; log problems to standard error. Raises Failure."""
    from .._watch._run import CannotWatch
    from .._watch._run import watch as run

    if seconds is not None and not seconds > 0:
        raise Failure(USAGE, "--seconds must be greater than 0.")
    try:
        run(directory, seconds, log_problem)
    except CannotWatch as exc:
        raise Failure(OTHER, str(exc)) from None


def show_status(directory: str, as_json: bool) -> int:
    """Print the status of the watch; return the exit status, 0 if a watch is running."""
    status = _read(directory, "", Filter())["watch"]
    if as_json:
        write_json(status)
    else:
        write_text("\n".join(_status_lines(status)))
    return 0 if status["running"] else OTHER


def show_callers(directory: str, logs: str, chosen: Filter, as_json: bool) -> None:
    """Print the callers as a table, or the whole report as JSON."""
    report = _read(directory, logs, chosen)
    if as_json:
        write_json(report)
        return
    lines = [_COLUMNS, *(row for caller in report["callers"] for row in _rows(caller))]
    widths = [min(_WIDEST, max(len(line[at]) for line in lines)) for at in range(len(_COLUMNS))]
    table = ["  ".join("%-*s" % cell for cell in zip(widths, line)).rstrip() for line in lines]
    if len(lines) == 1:
        table = ["No callers."]
    write_text("\n".join([*table, *_losses(report["callers"]), "", *_status_lines(report["watch"]), _verdict(report)]))


def follow_callers(directory: str, logs: str, chosen: Filter, as_json: bool) -> None:
    """Print a line for each caller, mode and class of path whenever there are new requests. Ends with KeyboardInterrupt."""
    counts: t.Optional[t.Dict[t.Tuple[str, ...], int]] = None
    while True:
        rows = [row for caller in _read(directory, logs, chosen)["callers"] for row in _rows(caller)]
        for row in rows:
            new = int(row[_COUNT]) - (counts or {}).get(row[:_COUNT], 0)
            if counts is not None and new > 0:
                line = (*row[:_COUNT], str(new), row[_COUNT + 1])
                names = [column.lower() for column in _COLUMNS]
                write_text(json.dumps(dict(zip(names, line))) if as_json else "  ".join(line))
        counts = {row[:_COUNT]: int(row[_COUNT]) for row in rows}
        time.sleep(_FOLLOW_SECONDS)


def _read(directory: str, logs: str, chosen: Filter) -> t.Dict[str, t.Any]:
    check_directory(directory, "--state-dir", STATE_DIRECTORY)
    check_directory(logs, "--log-dir", LOG_DIRECTORY)
    try:
        return read_callers(directory, logs, chosen)
    except NotReadable as exc:
        raise Failure(OTHER, str(exc)) from None


def check_directory(directory: str, option: str, default: str) -> None:
    """Raise Failure if *directory* was chosen but cannot be found. The default does not exist before something is recorded."""
    if directory not in ("", default):
        try:
            os.stat(directory)
        except OSError as exc:
            text = "Cannot find the directory %r: %s. Check %s." % (directory, exc.strerror, option)
            raise Failure(USAGE, text) from None


def _rows(caller: t.Dict[str, t.Any]) -> t.Iterator[t.Tuple[str, ...]]:
    """Yield one row for each mode and class of path, with unprintable characters of the names escaped."""
    name = "(evicted callers)" if caller["aggregated"] else _name(caller)
    user = caller["user"] or ("" if caller["uid"] is None else str(caller["uid"]))
    place = caller["container"] or caller["unit"] or ""
    if caller["source"] and name != caller["source"]:
        place = ("%s from %s" % (place, caller["source"])).strip()
    for row in caller["requests"]:
        mode = row["mode"] + (" (%s)" % row["noise"] if row["noise"] else "")
        path = row["path"] + (" (IPv6)" if row["address"] == ADDRESS_IPV6 else "")
        cells = (name, user, place, mode, path, str(row["count"]), row["last"])
        yield tuple(one_line(cell, _WIDEST) for cell in cells)


def _losses(callers: t.Iterable[t.Dict[str, t.Any]]) -> t.List[str]:
    """Return a line for each caller that reads without a certain token: what it loses once tokens are required."""
    lines = [
        "  %s: %s" % (one_line(_name(caller), _WIDEST), ", ".join(caller["would_lose"]))
        for caller in callers
        if caller["would_lose"]
    ]
    return ["", "Once tokens are required, these callers lose:", *lines] if lines else []


def _name(caller: t.Dict[str, t.Any]) -> str:
    """Return the executable, followed by the command name if the process changed that."""
    exe, comm = caller["exe"], caller["comm"]
    if exe and comm and exe.rpartition("/")[2][:15] != comm:
        return "%s (%s)" % (exe, comm)
    return str(exe or comm or caller["source"] or "(unknown)")


def _status_lines(status: t.Dict[str, t.Any]) -> t.List[str]:
    if status["running"]:
        first = "Recording since %s, attribution: %s." % (status["since"] or "a moment ago", status["attribution"])
        if status["coverage"] == PARTIAL:
            first += " Partial coverage: processes that end soon are missed."
    elif status["updated"]:
        first = "No watch is running. The last one wrote its records at %s." % status["updated"]
    else:
        first = "No watch is running."
    lines = [first]
    if status["dropped"] or status["evicted"] or status["lost_events"]:
        losses = (status["dropped"], status["evicted"], status["lost_events"])
        lines.append("Incomplete: %d packets dropped, %d connections evicted, %d events of the kernel lost." % losses)
    return [printable(line) for line in [*lines, *status["problems"]]]


def _verdict(report: t.Dict[str, t.Any]) -> str:
    reason = report["unknown_reason"]
    if not report["watch"]["running"]:
        return "Use of normal mode: unknown, because no watch is running. Start it with 'ecs-metadata watch'."
    if report["quiet_since"] is None:
        return "Use of normal mode: unknown. %s" % reason
    return "No normal-mode request since %s.%s" % (report["quiet_since"], " " + reason if reason else "")

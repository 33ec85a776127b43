# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the command ecs-metadata, the client of the metadata service for people and scripts on an ECS instance.

Every failure is reported as one line on standard error and an exit status. Modules that only one command needs are
imported by that command, because scripts may start ecs-metadata many times.
"""

import argparse
import typing as t

from .._common._text import printable
from .._imds._client import Client
from .._imds._errors import MetadataError, NotFound
from . import _parser as _line
from ._clients import client_of, modes_of
from ._output import (
    NOT_FOUND,
    OPTIONAL,
    OTHER,
    REFUSED,
    UNEXPECTED,
    UNREACHABLE,
    Failure,
    is_terminal,
    log_problem,
    write,
    write_json,
    write_text,
)

_STATUS = {"not_found": NOT_FOUND, "refused": REFUSED, "unreachable": UNREACHABLE, "unexpected_reply": UNEXPECTED}


def main(words: t.Sequence[str]) -> int:
    """Run the command line *words* and return the exit status; every exception becomes a message."""
    try:
        return _run(words)
    except Failure as exc:
        log_problem(str(exc))
        return exc.status
    except MetadataError as exc:
        log_problem(_line.with_option_names(str(exc)))
        return _STATUS.get(exc.kind, OTHER)
    except SystemExit as exc:  # argparse, after --help
        return exc.code if isinstance(exc.code, int) else 0
    except Exception as exc:  # pylint: disable=broad-exception-caught  # its text may contain a value: do not print it
        log_problem("Internal error (%s in %s). Please report this as a bug." % (type(exc).__name__, _origin(exc)))
        return OTHER


def _run(words: t.Sequence[str]) -> int:
    line = _line.build()
    arguments = line.parse(words)
    if arguments.command == "completion":
        from ._completion import script

        write(script(arguments.shell, line).encode("utf-8"))
        return 0
    return _COMMANDS[arguments.command](arguments)


def _get(arguments: argparse.Namespace) -> int:
    from ._read import Request, get

    request = Request(arguments.paths, arguments.missing, arguments.default, arguments.json, arguments.show_secrets)
    request.check()
    write(get(client_of(arguments), request))
    return 0


def _ls(arguments: argparse.Namespace) -> int:
    from ._read import ls, not_a_directory

    target, client = _directory(arguments), client_of(arguments)
    try:
        names, refused = ls(client, target)
    except NotFound as exc:
        raise not_a_directory(client, target, exc) from None
    _warn_of(refused)
    if arguments.json:
        write_json(names)
    elif names:
        write_text("\n".join(map(printable, names) if is_terminal() else names))
    return 0


def _tree(arguments: argparse.Namespace) -> int:
    from ._read import not_a_directory
    from ._tree import ReadTree, as_lines

    target, client = _directory(arguments), client_of(arguments)
    read = ReadTree(client, arguments.show_secrets)
    try:
        tree = read.run(target)
    except NotFound as exc:
        raise not_a_directory(client, target, exc) from None
    _warn_of(read.refused)
    if arguments.json:
        write_json(tree)
    elif tree:
        write_text("\n".join(as_lines(tree, target)))
    return 0


def _facts(arguments: argparse.Namespace) -> int:
    from ._read import facts

    found, warnings = facts(Client(_line.settings(arguments)), arguments.subset)
    for warning in warnings:
        log_problem("Warning: " + warning)
    write_json(found)
    return 0


def _modes(arguments: argparse.Namespace) -> int:
    modes = modes_of(arguments)
    for problem in modes.problems:
        log_problem(_line.with_option_names(problem))
    if arguments.json:
        write_json(modes._asdict())
    else:
        lines = [
            "%s: %s" % (url, found["verdict"]) for url, found in modes.endpoints.items() if len(modes.endpoints) > 1
        ]
        lines += ["%s: %s" % (name, _describe(check)) for name, check in modes.checks.items()]
        write_text("\n".join(["verdict: " + modes.verdict] + lines))
    return {"unreachable": UNREACHABLE, "optional": OPTIONAL, "unknown": UNEXPECTED}.get(modes.verdict, 0)


def _describe(check: t.Dict[str, t.Any]) -> str:
    if "answered" in check:
        happened = "metadata returned" if check["answered"] else "no metadata returned"
    else:
        happened = "refused" if check["refused"] else "not refused"
    return "%s, %s" % (check["status"] or "no answer", happened)


def _token(arguments: argparse.Namespace) -> int:
    import time

    from .._common._utc import format_utc
    from ._token_file import TokenFile

    with TokenFile(arguments.file) as file:  # check the file before requesting a token
        client = client_of(arguments)
        ttl = client.settings.token_ttl
        expires_at = int(time.time()) + ttl
        file.write(client.issue_token(ttl))
    expires = format_utc(expires_at)
    if arguments.json:
        write_json({"expires": expires})
    else:
        write_text(expires)
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    from ._exec import execute

    execute(client_of(arguments), arguments.words)


def _watch(arguments: argparse.Namespace) -> int:
    from ._callers import show_status, watch

    if arguments.status:
        return show_status(arguments.state_dir, arguments.json)
    watch(arguments.state_dir, arguments.seconds)
    return 0


def _callers(arguments: argparse.Namespace) -> int:
    from .._callers._report import Filter
    from ._callers import follow_callers, show_callers

    chosen = Filter(
        max_age=arguments.max_age,
        modes=arguments.mode or (),
        callers=arguments.caller or (),
        ignore_noise=arguments.ignore_noise,
    )
    show = follow_callers if arguments.follow else show_callers
    show(arguments.state_dir, arguments.log_dir, chosen, arguments.json)
    return 0


def _support_bundle(arguments: argparse.Namespace) -> int:
    from ._bundle import Bundle, Places
    from ._callers import check_directory
    from ._token_file import TokenFile

    check_directory(arguments.state_dir, "--state-dir", Places().state)

    bundle = Bundle(
        _line.settings(arguments), lambda: modes_of(arguments), Places(state=arguments.state_dir), arguments.names
    )
    if arguments.file is None:
        write_json(bundle.collect())
        return 0
    with TokenFile(arguments.file) as file:  # check the file before collecting
        file.write_json(bundle.collect())
    write_text("The report is in %s. Read it before you send it to others." % printable(arguments.file))
    return 0


_COMMANDS: t.Dict[str, t.Callable[[argparse.Namespace], int]] = {
    "get": _get,
    "ls": _ls,
    "tree": _tree,
    "facts": _facts,
    "modes": _modes,
    "token": _token,
    "exec": _exec,
    "watch": _watch,
    "callers": _callers,
    "support-bundle": _support_bundle,
}


def _directory(arguments: argparse.Namespace) -> str:
    from ._read import directory

    return directory(arguments.path, arguments.show_secrets)


def _warn_of(refused: t.Sequence[str]) -> None:
    if refused:
        shown = ", ".join(repr(name)[:80] for name in refused[:3])
        log_problem("Warning: %d names that are unsafe in a path were skipped: %s" % (len(refused), shown))


def _origin(exc: BaseException) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return "%s:%d" % (trace.tb_frame.f_code.co_filename.rpartition("/")[2], trace.tb_lineno)

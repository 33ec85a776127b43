# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options do the commands watch and callers of ecs-metadata have? This module util is private to the collection."""

from __future__ import annotations

import argparse

from .._callers._vocabulary import LOG_DIRECTORY, MODES, STATE_DIRECTORY

WATCH = """\
Sees who asks the metadata service for what, and whether with a token, until it is
ended. It only listens: no request is held up or changed. Counts for each caller are
kept in callers.json in the state directory; tokens, values, query strings and names
in paths are not. Needs root, and Linux 5.8 for short-lived processes."""

CALLERS = """\
Prints who asked the metadata service for what: what the watch has counted, and what
is in the log of Alibaba's analyzer plug-in, where there is one. Who used the plain
mode last comes first."""


def add_watch(parser: argparse.ArgumentParser) -> None:
    _add_state_dir(parser)
    parser.add_argument("--seconds", type=float, metavar="S", help="end after this time (default: when it is told to)")
    parser.add_argument("--status", action="store_true", help="print how the watch that is running does, and end")


def add_callers(parser: argparse.ArgumentParser) -> None:
    _add_state_dir(parser)
    text = "where the log of Alibaba's analyzer is (default: %s)" % LOG_DIRECTORY
    parser.add_argument("--log-dir", metavar="DIR", help=text)
    parser.add_argument(
        "--max-age", type=int, metavar="S", help="only requests of which the last is not older than this"
    )
    parser.add_argument(
        "--mode", action="append", choices=MODES, help="only these requests; may be given several times"
    )
    text = (
        "only callers with a name (executable, user, unit, container, command, address) that matches; may be repeated"
    )
    parser.add_argument("--caller", action="append", metavar="PATTERN", help=text)
    parser.add_argument(
        "--ignore-noise", action="store_true", help="without what software that knows tokens does anyway"
    )


def _add_state_dir(parser: argparse.ArgumentParser) -> None:
    text = "where the counts are kept (default: %s)" % STATE_DIRECTORY
    parser.add_argument("--state-dir", metavar="DIR", help=text)

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of ecs-metadata --help."""

from __future__ import annotations

import typing as t

from .._imds._service import INSTANCE_ID, ROOT, VERSIONS

NAME = "ecs-metadata"


class Section(t.NamedTuple):
    """A titled list of terms and what they mean."""

    title: str
    entries: t.Sequence[t.Tuple[str, str]]


EXIT_STATUS = Section(
    "exit status",
    [
        ("0", "done; for modes: no metadata without a token (required or disabled)"),
        ("1", "another failure, such as a file that cannot be written; watch --status: none runs"),
        ("2", "wrong usage: an unknown option, a path that is none, a value out of range"),
        ("3", "not found: the instance has no such item"),
        ("4", "refused: the service answered 401 or 403"),
        ("5", "unreachable: no answer; this may not be an ECS instance"),
        ("6", "unexpected reply: something answered, but not as the metadata service does"),
        ("7", "withheld: the item is a secret, and --show-secrets was not given"),
        ("10", "modes: metadata can be read without a token (optional)"),
        ("130", "interrupted"),
    ],
)

EXAMPLES = Section(
    "examples",
    [
        ("ecs-metadata get region-id", "one value, exactly as the service sends it"),
        ("ecs-metadata get --json instance-id zone-id", "several, as a JSON object"),
        ("ecs-metadata get --default none tags/instance/stage", "a tag that may not exist"),
        ("ecs-metadata get --show-secrets user-data > user-data.bin", "a secret; binary content stays intact"),
        ("ecs-metadata tree network/", "everything below a directory"),
        ("ecs-metadata facts --subset network", "a part of the facts, as JSON"),
        ("ecs-metadata token --file /run/user/1000/token --ttl 600", "a token for a program of yours"),
        ("ecs-metadata modes", "can metadata be read without a token?"),
        ("ecs-metadata callers --mode normal_mode --max-age 604800", "normal-mode requests of the last week"),
        ("ecs-metadata completion bash > /etc/bash_completion.d/ecs-metadata", "install the completion"),
    ],
)

DESCRIPTION = """\
Reads metadata in security-enhanced mode only: a token is obtained first, and never
shown. No proxy is used, no redirect is followed. Only 'modes' sends one request
without a token, to see whether it is answered.

instance-id is the item %(instance_id)s. dynamic/..., user-data,
vendor-data, maintenance/... and global-config/... are below %(root)s. %(root)s...
and /%(dated)s/... are taken as they are.

Keys of a RAM role, user-data, vendor-data, the signature of the identity document
and meta-data/all are secrets, shown only with --show-secrets.""" % {
    "instance_id": INSTANCE_ID,
    "root": ROOT,
    "dated": VERSIONS[1],
}

GET = """\
Prints the values of PATHs.

One PATH: the bytes of the value and nothing more, like curl. On a terminal a line
feed follows, and control characters are shown as escape sequences.
Several PATHs: one value a line, in the order of the PATHs. A value with a line
break in it is an error then; use --json.
With --json: an object from PATH to value; text only.
Nothing is printed unless all PATHs could be read."""

LS = """\
Prints the names in the directory PATH, one a line; directories end in a slash.
Default: meta-data/. With --json: an array of the names."""

TREE = """\
Prints all that is below the directory PATH, indented; text is in quotes, numbers,
true and false are not, lists are in brackets. Secrets are shown as (secret).
Default: meta-data/. With --json: the service's own names and texts as nested
objects; the value of a secret is null."""

FACTS = """\
Prints the facts of this instance as JSON: the same as the Ansible module
alicloud.imds.metadata_facts, without secrets. Away from Alibaba Cloud it prints
{"available": false, ...} within half a second, and that is no failure."""

MODES = """\
Finds out whether metadata can be read without a token. Prints the verdict
(required, optional, disabled or unreachable) and the checks that led to it."""

TOKEN = """\
Obtains a token for another program and writes it, and a line feed, to FILE: readable
by you only, complete or not at all, replacing a file that is there. A FILE that is
a link or no regular file is refused, and so is a directory in which somebody else
could replace FILE. Prints nothing but the time when the token expires, in UTC."""

WATCH = """\
Sees who asks the metadata service for what, and whether with a token, until it is
ended. It only listens: no request is held up or changed. Counts for each caller are
kept in callers.json in the state directory; tokens, values, query strings and names
in paths are not. Needs root, and Linux 5.8 for short-lived processes."""

CALLERS = """\
Prints who asked the metadata service for what: what the watch has counted, and what
is in the log of Alibaba's analyzer plug-in, where there is one. Who used the plain
mode last comes first."""

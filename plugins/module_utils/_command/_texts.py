# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of ``ecs-metadata --help`` and of the help of each command."""

import typing as t

from .._callers._vocabulary import LOG_DIRECTORY, NORMAL_MODE, STATE_DIRECTORY
from .._imds._service import INSTANCE_ID, META_DATA, ROLE_CREDENTIALS, ROOT, TOKEN_HEADER, VERSIONS

NAME = "ecs-metadata"

# The subsets of facts; they are listed here because loading the code that gathers facts takes time.
SUBSETS = ("all", "min", "instance", "network", "disks", "public_keys", "tags", "ram", "events", "identity")

Entries = t.Sequence[t.Tuple[str, str]]


class Section(t.NamedTuple):
    """A titled list of terms and their meanings."""

    title: str
    entries: Entries


def as_text(section: Section) -> str:
    """Return *section* as indented lines below its title."""
    width = max(len(term) for term, _meaning in section.entries)
    if width > 30:
        return "%s:\n%s" % (section.title, "\n".join("  %s\n      %s" % entry for entry in section.entries))
    return "%s:\n%s" % (section.title, "\n".join("  %-*s  %s" % (width, *entry) for entry in section.entries))


class Command(t.NamedTuple):
    """The help of a command: its purpose in a few words, its description, and example command lines."""

    purpose: str
    description: str
    examples: Entries


DESCRIPTION = """\
Read the metadata of this ECS instance from the instance metadata service (IMDS).

Every request is sent in security hardening mode (comparable to IMDSv2): the command
obtains a token first and never shows it. The one exception: 'modes' and
'support-bundle' send one normal-mode request to each address to test whether the
service replies to it. No proxy is used and no redirect is followed. Errors are
reported in one line on standard error."""

PATHS = Section(
    "paths",
    [
        ("instance-id", "the item " + INSTANCE_ID),
        ("network/", "the directory %snetwork/" % META_DATA),
        ("user-data", "the item %suser-data; likewise vendor-data, dynamic/...," % ROOT),
        ("", "maintenance/... and global-config/..."),
        (ROOT + "...", "used unchanged; likewise /%s/..." % VERSIONS[1]),
    ],
)

SECRETS = Section(
    "secrets, printed only with --show-secrets",
    [
        (ROLE_CREDENTIALS + "ROLE", "temporary keys of the RAM role"),
        ("user-data, vendor-data", "content for the first boot"),
        ("dynamic/instance-identity/pkcs7", "signature of the identity document"),
        ("meta-data/all", "all metadata, including the keys"),
    ],
)

EXIT_STATUS = Section(
    "exit status",
    [
        ("0", "success; modes: the service requires tokens, or is disabled"),
        ("1", "any other failure; watch --status: no watch is running"),
        ("2", "usage error: unknown option, invalid path, or value out of range"),
        ("3", "not found: the instance does not have this item"),
        ("4", "refused: the service returned status 401 or 403"),
        ("5", "unreachable: no reply; this host may not be an ECS instance"),
        ("6", "unexpected reply: not a reply of the metadata service, or an error of it"),
        ("7", "withheld: the item is a secret, and --show-secrets is missing"),
        ("10", "modes: tokens are optional, metadata can be read in normal mode"),
        ("126", "exec: the command cannot be executed"),
        ("127", "exec: the command was not found"),
        ("130", "interrupted (SIGINT)"),
    ],
)

FILES = Section(
    "files",
    [
        (STATE_DIRECTORY + "/callers.json", "the records of the callers watch"),
        (LOG_DIRECTORY + "/", "the log of Alibaba Cloud's analyzer plug-in, read by callers"),
    ],
)

EXAMPLES = Section(
    "examples",
    [
        ("ecs-metadata get region-id", "one value, unchanged"),
        ("ecs-metadata get --json instance-id zone-id", "several values as a JSON object"),
        ("ecs-metadata tree network/", "all values below a directory"),
        ("ecs-metadata modes", "test whether the service requires tokens"),
        ("ecs-metadata callers --mode %s --max-age 604800" % NORMAL_MODE, "normal-mode requests of the last week"),
    ],
)

COMMANDS = {
    "get": Command(
        "print values",
        """\
Print the values of one or more items. Nothing is printed unless all values were read.

With one PATH, the value is printed unchanged, without a line feed. On a terminal, a
line feed is added and control characters are shown as escape sequences.
With several PATHs, one value per line is printed, in the order of the PATHs. A value
that contains a line break is an error; use --json.
With --json, an object that maps each PATH to its value is printed. A value that is
not UTF-8 is an error.""",
        [
            ("ecs-metadata get region-id", "one value, unchanged"),
            ("ecs-metadata get --json instance-id zone-id", "several values as a JSON object"),
            ("ecs-metadata get --default none tags/instance/stage", "a tag that may not exist"),
            ("ecs-metadata get --show-secrets user-data > user-data.bin", "user data, which may be binary"),
        ],
    ),
    "ls": Command(
        "list a directory",
        """\
Print the names in a directory, one per line. The name of a directory ends in a slash.
With --json, an array of the names is printed.""",
        [
            ("ecs-metadata ls", "the items below " + META_DATA),
            ("ecs-metadata ls network/interfaces/macs", "the MAC addresses of the network interfaces"),
        ],
    ),
    "tree": Command(
        "print all values below a directory",
        """\
Print all values below a directory. Names are indented; values are shown as JSON: text
in quotes, numbers and booleans without, lists in brackets. A secret is shown as
(secret). With --json, nested objects with the names and texts of the service are
printed; the value of a secret is null.""",
        [
            ("ecs-metadata tree network/", "all values of the network"),
            ("ecs-metadata tree --json %s" % ROOT, "everything, as JSON"),
        ],
    ),
    "facts": Command(
        "print the facts of this instance as JSON",
        """\
Print the facts of this instance as JSON: those of the Ansible module
alicloud.imds.metadata_facts, without secrets. On a host outside of Alibaba Cloud,
{"available": false, ...} is printed within about half a second, with exit status 0.""",
        [
            ("ecs-metadata facts", "all facts"),
            ("ecs-metadata facts --subset network", "the network, and the IDs of instance, region and zone"),
            ("ecs-metadata facts --subset '!disks' --subset '!tags'", "all facts except disks and tags"),
        ],
    ),
    "modes": Command(
        "test whether the service requires tokens",
        """\
Test how the service reacts to requests with and without a token, and print the verdict
and the result of each check. Both addresses of the service are tested, unless
--endpoint is given. The verdicts are:

  required     only requests with a token are served (security hardening mode)
  optional     metadata can also be read without a token (normal mode), at least at one
               address
  disabled     the service is disabled on this instance
  unreachable  no address accepts a connection
  unknown      the replies of an address show none of these, such as errors

One normal-mode request is sent to each address. The callers watch recognizes it
as a probe if root runs this command.""",
        [
            ("ecs-metadata modes", "the verdict and the checks"),
            ("ecs-metadata modes > /dev/null || echo 'tokens are not required'", "the exit status in a script"),
        ],
    ),
    "token": Command(
        "write a token to a file",
        """\
Obtain a token for another program, write it to FILE, and print the time in UTC at
which the token expires. With --json, {"expires": TIME} is printed.

FILE is replaced as a whole, never written in part, and only you can read it. FILE
must not be a link. No directory on its path may belong to users other than you and
root, or be writable by others (a directory with the sticky bit, such as /tmp, may),
and no link on the path may belong to others. The program sends the content of FILE in
the header
%s."""
        % TOKEN_HEADER,
        [
            ("ecs-metadata token --file /run/user/1000/token --ttl 600", "a token for 10 minutes"),
        ],
    ),
    "exec": Command(
        "run a command with the keys of the RAM role",
        """\
Run COMMAND with the temporary keys of the instance's RAM role in its environment, for
programs that take keys from there but cannot read them with a token. The variables are
ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and
ALIBABA_CLOUD_SECURITY_TOKEN (the vendor's SDKs, the aliyun CLI), and
ALICLOUD_ACCESS_KEY, ALICLOUD_SECRET_KEY and ALICLOUD_SECURITY_TOKEN (older tools).

The keys are on no command line, in no file and in no output of ecs-metadata. COMMAND
replaces ecs-metadata: it has the same process ID, standard streams and directory, and
the exit status is that of COMMAND. Nothing of COMMAND is interpreted by a shell.

Limits: the keys are read once and never renewed. They are valid for some hours; a
program that runs longer fails then. COMMAND and all processes that it starts can read
the keys, and so can root and processes of the same user (in /proc/PID/environ). A
profile or another source of keys that COMMAND prefers to the environment stays in
effect.""",
        [
            ("ecs-metadata exec -- aliyun sts GetCallerIdentity", "the aliyun CLI"),
            ("ecs-metadata exec --timeout 5 -- sh -c 'backup --all | logger'", "a command line of a shell"),
        ],
    ),
    "watch": Command(
        "record the callers of the service",
        """\
Record which processes send requests to the metadata service, for which items, and
whether with a token, until SIGINT or SIGTERM arrives. Requests are neither delayed nor
changed. The records of each caller are kept in callers.json in the state directory.
Tokens, values, query strings and names in paths are not recorded.

The watch needs root. Linux 4.16 or later is needed to attribute the requests of
short-lived processes. Without that, --status shows partial coverage.""",
        [
            ("ecs-metadata watch", "record until interrupted"),
            ("ecs-metadata watch --seconds 3600", "record for an hour"),
            ("ecs-metadata watch --status", "is a watch running, and is it complete?"),
        ],
    ),
    "callers": Command(
        "print the recorded callers",
        """\
Print the callers that the watch recorded, and those in the log of Alibaba Cloud's
analyzer plug-in, if it is installed. The callers that sent normal-mode requests come
first, the latest at the top. With --json, all recorded details are printed. With
--follow, new requests are printed as the watch records them, until SIGINT arrives;
with --json as one JSON object per line.""",
        [
            ("ecs-metadata callers --mode %s --max-age 604800" % NORMAL_MODE, "normal-mode requests of the last week"),
            ("ecs-metadata callers --caller '*/curl' --caller backup", "curl, and the user backup"),
            ("ecs-metadata callers --ignore-noise --json", "without harmless requests, as JSON"),
            ("ecs-metadata callers --follow --mode %s" % NORMAL_MODE, "normal-mode requests from now on"),
        ],
    ),
    "support-bundle": Command(
        "print a report on this host for an issue",
        """\
Print a report on this host as JSON, to attach to an issue: versions, settings, the
verdict of 'modes', the state of the installed files, units and fence, recent messages
of the units, and a summary of the callers. To obtain the verdict, one normal-mode
request is sent to each address, as 'modes' does.

The report has no keys, tokens, user data, host names or addresses: texts that were read
are replaced by words that ecs-metadata knows, or 'other'. What cannot be read is listed
under 'unknown' with the reason; as root, more can be read.

With --names, the report also has the names of programs, users, units and containers,
source addresses, and the texts of messages. Words that look like keys or tokens are
removed, but not every secret can be recognized: read the report before you send it.""",
        [
            ("ecs-metadata support-bundle --file report.json", "write the report to a file"),
            ("ecs-metadata support-bundle --names --file report.json", "with the names of the callers"),
        ],
    ),
    "completion": Command(
        "print the completion for a shell",
        """\
Print a script that completes commands, options, choices and paths in bash, zsh or fish.""",
        [
            ("source <(ecs-metadata completion bash)", "completion in this shell; likewise zsh"),
            ("ecs-metadata completion fish | source", "completion in this fish"),
            ("ecs-metadata completion bash > /etc/bash_completion.d/ecs-metadata", "for all users of bash"),
        ],
    ),
}

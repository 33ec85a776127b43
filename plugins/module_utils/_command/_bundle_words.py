# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The closed vocabularies of the support bundle, and the redaction of names that a user asked for. Does no I/O.

A file, process or service that the bundle reads may contain a secret anywhere, even in the place of a name. So its texts are
compared with the words below, and the bundle gets these words, never the text itself.
"""

import re
import typing as t

from .._callers._paths import every_class
from .._callers._vocabulary import FULL, MODES, PARTIAL, PROBE
from .._common._text import one_line

OTHER = "other"
_REMOVED = "(removed)"
_LONGEST = 200

SYSTEMS = frozenset(
    """alinux almalinux amzn anolis arch centos debian fedora kylin ol openEuler opensuse-leap opensuse-tumbleweed rhel rocky sles
    ubuntu uos""".split()
)
MACHINES = frozenset("x86_64 aarch64 i686 riscv64".split())
VERDICTS = frozenset("optional required disabled unreachable unknown".split())
COVERAGE = frozenset((FULL, PARTIAL))
ATTRIBUTION = frozenset("connect tracepoint socket".split())
EVIDENCE = frozenset("kernel tracepoint polled".split())
NOISE = frozenset((PROBE, "cloud_assistant", "retry"))
RECORDED_BY = frozenset(("watch", "analyzer"))
PATHS = every_class()
REQUEST_MODES = frozenset(MODES)

# The values of `systemctl show` that the bundle reports; numbers are reported as well.
STATES = {
    "LoadState": frozenset("loaded not-found masked bad-setting error".split()),
    "UnitFileState": frozenset(
        "enabled disabled static masked linked indirect generated transient enabled-runtime".split()
    ),
    "ActiveState": frozenset("active inactive failed activating deactivating reloading".split()),
    "Result": frozenset(
        """success exit-code signal core-dump timeout watchdog start-limit-hit resources oom-kill protocol exec-condition""".split()
    ),
}
COUNTERS = ("NRestarts", "ExecMainStatus")

# The families of programs that read metadata most often, by the name of the executable without its version.
_PROGRAMS = frozenset(
    """AliYunDun aliyun aliyun-service aliyun_assist_client argusagent chronyd cloud-init cloudmonitor containerd curl dockerd java
    kubelet logtail node ossfs perl php podman powershell pwsh python ruby terraform wget""".split()
)

# The beginnings of the messages of the installed services and of systemd about them.
_MESSAGES = (
    "BPF programs cannot be loaded",
    "The tracepoint sock:inet_sock_set_state cannot be used",
    "The kernel does not report new control groups",
    "Cannot capture packets",
    "Cannot use the state directory",
    "Cannot write",
    "Writing the records works again",
    "The records in the state directory are invalid",
    "The clock was set back",
    "The watch was stopped while more packets arrived than it could read",
    "Internal error",
    "The rules of the metadata firewall were removed by another program",
    "The rules of the metadata firewall were changed by another program",
    "Another process has loaded or checked the rules",
    "Main process exited",
    "Failed with result",
    "Start request repeated too quickly",
    "Watchdog timeout",
    "A process of this unit has been killed by the OOM killer",
)

# Key IDs and tokens of the vendor, words after a word such as "token", and random-looking words.
_SECRETS = re.compile(
    r"(?:LTAI|STS\.|TMP\.)[A-Za-z0-9.]+"
    r"|(?i:token|secret|passw\w*|pwd|credential|api.?key|access.?key|auth\w*)[\w-]*[\"' ]*[=: ][\"' ]*\S+"
    r"|[A-Za-z0-9+=]{20,}"
    r"|(?=[A-Za-z0-9+/=_-]*[A-Z])(?=[A-Za-z0-9+/=_-]*[a-z])(?=[A-Za-z0-9+/=_-]*[0-9])[A-Za-z0-9+/=_-]{20,}"
)


def word(value: t.Any, known: t.Container[str]) -> t.Optional[str]:
    """Return *value* if it is a known word, None for None, otherwise `OTHER`."""
    if value is None:
        return None
    return value if isinstance(value, str) and value in known else OTHER


def number(value: t.Any) -> t.Optional[int]:
    """Return *value* if it is a number of reasonable size, otherwise None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None


def moment(value: t.Any) -> t.Optional[str]:
    """Return *value* if it is a time as `format_utc` writes it, otherwise None."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9:]{8}Z", value) else None


def version(text: str) -> t.Optional[str]:
    """Return the first version in *text*, at most four numbers of at most five digits, or None if *text* has no number."""
    found = re.search(r"(?<![\w.])v?([0-9]{1,5}(?:\.[0-9]{1,5}){0,3})(?![0-9])", text)
    return found.group(1) if found else None


def program(path: t.Any) -> t.Optional[str]:
    """Return the family of the program at *path*, such as ``python`` for /usr/bin/python3.11; None if the path is unknown."""
    if not isinstance(path, str) or not path:
        return None
    return word(re.sub(r"[0-9.]+$", "", path.rpartition("/")[2]), _PROGRAMS)


def message(text: t.Any) -> t.Optional[str]:
    """Return the known beginning of a message of an installed service, or None. Variable parts of the text are not returned."""
    if not isinstance(text, str):
        return None
    text = re.sub(r"^(?:ecs-metadata: |alicloud-imds-[a-z-]+\.(?:service|timer): )", "", text)
    return next((known for known in _MESSAGES if text.startswith(known)), None)


def redacted(text: t.Any) -> t.Optional[str]:
    """Return *text* on one printable line, with words removed that look like keys or tokens; None if it is no text.

    This cannot recognize every secret. It is used only for names that the user asked for.
    """
    return one_line(_SECRETS.sub(_REMOVED, text), _LONGEST) if isinstance(text, str) and text else None

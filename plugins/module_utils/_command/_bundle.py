# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``support-bundle``: collect a report on this host for an issue, without secrets.

Nothing that is read is copied into the report, because each input may contain secrets or hostile text. The report has words of
closed vocabularies (see `_bundle_words`), numbers and times. What cannot be read is listed under ``unknown`` with the reason.
"""

import json
import os
import re
import sys
import time
import typing as t

from .._callers._file import NotReadable
from .._callers._load import callers as read_callers
from .._callers._report import Filter
from .._callers._vocabulary import LOG_DIRECTORY, STATE_DIRECTORY
from .._common import _places, _programs
from .._common._utc import format_utc
from .._imds._client import Settings
from .._imds._dmi import DMI_DIRECTORY, read_platform
from .._imds._errors import MetadataError
from .._imds._service import ADDRESS_IPV6, ENDPOINTS
from . import _bundle_words as words
from ._bundle_callers import summary
from ._bundle_files import Unknown, read, read_if_present, state_of
from ._version import VERSION

FORMAT = 1
_MOST_MESSAGES = 20
_JOURNAL_LINES = "200"

Section = t.Dict[str, t.Any]


class Places(t.NamedTuple):
    """The files and directories that the report reads."""

    state: str = STATE_DIRECTORY
    logs: str = LOG_DIRECTORY
    os_release: str = "/etc/os-release"
    dmi: str = DMI_DIRECTORY
    manifest: str = _places.MANIFEST
    rules: str = _places.FENCE_RULES
    repairs: str = _places.FENCE_REPAIRS


class Bundle:
    """Collects the report. *probe* returns a `Modes`; *names* includes names of programs, users, units, and messages."""

    def __init__(
        self,
        settings: Settings,
        probe: t.Callable[[], t.Any],
        places: Places = Places(),  # noqa: B008
        names: bool = False,
        run: t.Callable[..., _programs.Done] = _programs.run,
    ) -> None:
        self._settings, self._probe, self._places, self._names, self._run = settings, probe, places, names, run
        self._unknown: t.List[t.Dict[str, str]] = []

    def collect(self) -> Section:
        """Return the report. An error in one section does not affect the others."""
        sections: t.Sequence[t.Tuple[str, t.Callable[[], Section]]] = (
            ("versions", self._versions),
            ("platform", self._platform),
            ("settings", self._settings_used),
            ("modes", self._modes),
            ("installed", self._installed),
            ("units", self._units),
            ("messages", self._messages),
            ("fence", self._fence),
            ("callers", self._callers),
        )
        report: Section = {"format": FORMAT, "created": format_utc(time.time()), "names": self._names}
        for name, collect in sections:
            report[name] = self._part(name, collect)
        report["unknown"] = self._unknown
        return report

    def _part(self, name: str, collect: t.Callable[[], t.Any]) -> t.Any:
        try:
            return collect()
        except (Unknown, _programs.ProgramError, NotReadable) as exc:
            reason = str(exc).replace(self._places.state, "STATE_DIR").replace(self._places.logs, "LOG_DIR")
        except Exception as exc:  # pylint: disable=broad-exception-caught  # its text may contain what was read
            reason = "Internal error (%s)." % type(exc).__name__
        self._unknown.append({"part": name, "reason": reason})
        return None

    def _versions(self) -> Section:
        release = os.uname().release
        found = dict(
            re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', self._part("os_release", self._os_release) or "", re.MULTILINE)
        )
        return {
            "collection": VERSION,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "system": words.word(found.get("ID"), words.SYSTEMS),
            "system_version": words.version(found.get("VERSION_ID", "")),
            "kernel": words.version(release),
            "machine": words.word(os.uname().machine, words.MACHINES),
            "systemd": self._part("systemd", lambda: words.version(self._output("systemctl", "--version"))),
            "nftables": self._part("nftables", lambda: words.version(self._output("nft", "--version"))),
        }

    def _os_release(self) -> str:
        return read(self._places.os_release, "os-release").decode("utf-8", "replace")

    def _platform(self) -> Section:
        return {"is_ecs": read_platform(self._places.dmi).is_ecs, "is_root": os.geteuid() == 0}

    def _settings_used(self) -> Section:
        used = self._settings._asdict()
        used["endpoint"] = "default" if used["endpoint"] is None else "custom"
        variables = ["ALICLOUD_IMDS_" + name.upper() for name in Settings._fields]
        return {**used, "environment": [name for name in variables if os.environ.get(name)]}

    def _modes(self) -> Section:
        try:
            found = self._probe()
        except MetadataError as exc:
            raise Unknown("No reply that shows the mode (%s, status %s)." % (exc.kind, exc.status)) from None
        addresses = {}
        for url, one in found.endpoints.items():
            name = ("IPv6" if ADDRESS_IPV6 in url else "IPv4") if url in ENDPOINTS else "custom"
            addresses[name] = words.word(one["verdict"], words.VERDICTS)
        return {
            "verdict": words.word(found.verdict, words.VERDICTS),
            "addresses": addresses,
            "checks": found.checks,  # the names, status numbers and booleans are those of `_access_modes`
            "problems": len(found.problems),
        }

    def _installed(self) -> Section:
        try:
            content = json.loads(read(self._places.manifest, "the manifest").decode("utf-8"))
            files = {str(path): str(digest) for path, digest in content["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unknown("The manifest is damaged.") from None
        states = [state_of(path, digest) for path, digest in files.items()]
        return {state: states.count(state) for state in ("unchanged", "changed", "missing", "unknown")}

    def _units(self) -> Section:
        properties = ",".join((*words.STATES, *words.COUNTERS))
        output = self._output("systemctl", "show", "--property=Id," + properties, "--", *_places.UNITS)
        found: Section = {}
        for block in output.split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if values.get("Id") in _places.UNITS:
                unit = found[values["Id"]] = {
                    name: words.word(values.get(name), known) for name, known in words.STATES.items()
                }
                for name in words.COUNTERS:
                    text = values.get(name, "")
                    unit[name] = int(text) if re.fullmatch("[0-9]{1,9}", text) else None
        if not found:
            raise Unknown("systemctl reported no unit.")
        return found

    def _messages(self) -> Section:
        chosen = ["--unit=" + unit for unit in _places.UNITS]
        done = self._run(
            "journalctl", "--no-pager", "--output=json", "--lines=" + _JOURNAL_LINES, *chosen, timeout=20.0
        )
        if done.status != 0 or done.errors.strip():  # without permission, or without a journal, it only prints a hint
            raise Unknown("journalctl cannot read the whole journal (status %d). Run as root." % done.status)
        shown: t.List[Section] = []
        others = 0
        for line in done.output.splitlines():
            entry = _entry(line)
            known = words.message(entry.get("MESSAGE"))
            if known is None and not self._names:
                others += 1
                continue
            text = words.redacted(entry.get("MESSAGE")) if self._names else known
            unit = words.word(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT"), _places.UNITS)
            shown.append({"time": _journal_time(entry), "unit": unit, "message": text})
        return {"last": shown[-_MOST_MESSAGES:], "not_shown": others + len(shown[:-_MOST_MESSAGES])}

    def _fence(self) -> Section:
        repairs = self._part("fence.repairs", lambda: read_if_present(self._places.repairs, "the repairs")) or b""
        entries = [line.split() for line in repairs.decode("utf-8", "replace").splitlines()]
        entries = [entry for entry in entries if len(entry) == 2 and words.moment(entry[0])]
        return {
            "mode": self._part("fence.mode", self._fence_mode),
            "loaded": self._part("fence.loaded", self._is_loaded),
            "repairs": len(entries),
            "last_repair": entries[-1][0] if entries else None,
        }

    def _fence_mode(self) -> str:
        rules = read_if_present(self._places.rules, "the rules of the fence")
        if rules is None:
            return "off"
        for mode, text in (("audit", b"fence would refuse"), ("enforce", b"fence refused")):
            if text in rules:
                return mode
        raise Unknown("The file of rules is not one of this version.")

    def _is_loaded(self) -> bool:
        return "table " + _places.FENCE_TABLE in self._output("nft", "list", "tables").splitlines()

    def _callers(self) -> Section:
        return summary(read_callers(self._places.state, self._places.logs, Filter()), self._names)

    def _output(self, *command: str) -> str:
        done = self._run(*command, timeout=20.0)
        if done.status != 0:
            raise Unknown("'%s' ended with status %d." % (" ".join(command[:2]), done.status))
        return done.output


def _entry(line: str) -> Section:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _journal_time(entry: Section) -> t.Optional[str]:
    text = entry.get("__REALTIME_TIMESTAMP")
    return format_utc(int(text) // 1000000) if isinstance(text, str) and re.fullmatch("[0-9]{1,17}", text) else None

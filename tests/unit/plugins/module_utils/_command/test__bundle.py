# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command support-bundle: no secret of any input is in its output, and unknown parts are reported as unknown."""

from __future__ import annotations

import inspect
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command import _bundle
from ansible_collections.alicloud.imds.plugins.module_utils._command import _bundle_words as words
from ansible_collections.alicloud.imds.plugins.module_utils._common import _places, _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import (
    _fence_files,
    _fence_rules,
    _fence_units,
    _install,
    _watch_service,
)
from ansible_collections.alicloud.imds.plugins.module_utils._imds._access_modes import Modes
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import Refused
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _loop, _records, _run

from .conftest import HOSTILE, Command

NOW = int(time.time())
MARK = "plantedmark"
# The same secret as a key ID, a token, a random-looking word, and text that attacks a terminal
SECRETS = [MARK, "LTAI5tPlantedKeyId0000", "STS.NUPlantedKeyId", "plAnted0" * 5 + "/+==", "\x1b]0;planted\x07\u202e"]
SECRET = " ".join(SECRETS)
ADDRESS = "203.0.113.77"


def caller(**names: Any) -> dict[str, Any]:
    row = {"mode": "normal_mode", "path": "instance-id", "count": 3, "first": NOW - 9, "last": NOW, "noise": "retry"}
    return {
        "uid": 1000, "user": SECRET, "comm": SECRET, "exe": "/opt/" + SECRET, "unit": SECRET, "container": SECRET,
        "source": ADDRESS, "parents": {SECRET: 1}, "attributed_by": {"connect": 3, SECRET: 1},
        "exe_attributed_by": {SECRET: 3}, "requests": [row], **names,
    }  # fmt: skip


def records(**changes: Any) -> dict[str, Any]:
    status = {
        "attribution": SECRET,
        "coverage": SECRET,
        "problems": [SECRET, "Cannot write " + SECRET],
        "dropped": SECRET,
    }
    return {"format": 2, "status": status, "periods": [[NOW - 99, NOW]], "callers": [caller()],
            "other": caller(requests=[]), **changes}  # fmt: skip


class Host:
    """A host whose files and programs all contain the secret."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = _bundle.Places(*(str(folder / name) for name in _bundle.Places._fields))
        for name in ("state", "logs", "dmi"):
            (folder / name).mkdir()
        self.write("dmi/product_name", SECRET)
        self.write("os_release", f'ID="{SECRET}"\nVERSION_ID="{SECRET}"\nHOME_URL="https://{ADDRESS}/{SECRET}"\n')
        self.write("state/callers.json", json.dumps(records()))
        self.write("logs/imds-trace.log", f"{SECRET}\n")
        self.write("rules", f'# {SECRET}\nlog prefix "alicloud-imds fence would refuse: "\n')
        self.write("repairs", f"2026-11-24T21:06:27Z {MARK}\n{SECRET}\n{MARK} removed\n")
        self.write("manifest", json.dumps({"files": {f"/nonexistent/{SECRET}": SECRET}, SECRET: SECRET}))
        self.outputs = {
            "systemctl --version": f"systemd 252 ({SECRET})\n",
            "nft --version": f"nftables v1.0.6 ({SECRET})\n",
            "nft list": f"table {SECRET}\ntable inet alicloud_imds\n",
            "systemctl show": f"Id={_places.UNITS[0]}\nActiveState={SECRET}\nResult=exit-code\nNRestarts=4\n\nId={SECRET}\n",
            "journalctl --no-pager": "\n".join(
                [
                    self.entry(f"ecs-metadata: Cannot write {SECRET}"),
                    self.entry(SECRET),
                    SECRET,
                    "[" * 100000,
                    json.dumps([SECRET]),
                    json.dumps({"MESSAGE": [1, 2], "_SYSTEMD_UNIT": SECRET, "__REALTIME_TIMESTAMP": SECRET}),
                ]
            ),
        }
        self.errors = ""
        self.modes: Any = Modes("optional", {"token_read": {"status": 200, "answered": True}}, [SECRET], {
            f"http://{ADDRESS}": {"verdict": SECRET}, "http://100.100.100.200": {"verdict": "optional"},
        })  # fmt: skip

    @staticmethod
    def entry(message: str) -> str:
        return json.dumps(
            {"MESSAGE": message, "_SYSTEMD_UNIT": _places.UNITS[0], "__REALTIME_TIMESTAMP": "1764018387000000",
             "_HOSTNAME": SECRET, "_CMDLINE": SECRET}
        )  # fmt: skip

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *command: str, timeout: float) -> _programs.Done:
        output = self.outputs.get(" ".join(command[:2]))
        return _programs.Done(1, SECRET, SECRET) if output is None else _programs.Done(0, output, self.errors)

    def probe(self) -> Any:
        if isinstance(self.modes, Exception):
            raise self.modes
        return self.modes

    def bundle(self, names: bool = False) -> dict[str, Any]:
        settings = Settings(endpoint=f"http://{ADDRESS}")
        return _bundle.Bundle(settings, self.probe, self.places, names, self.run).collect()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for name in ("ALICLOUD_IMDS_ENDPOINT", "ALICLOUD_IMDS_TIMEOUT"):
        monkeypatch.setenv(name, SECRET)
    return Host(tmp_path)


def shown(report: dict[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False)


def test_no_text_that_was_read_is_in_the_report(host: Host) -> None:
    report = host.bundle()
    text = shown(report)
    assert "planted" not in text.lower() and ADDRESS not in text and str(host.folder) not in text
    assert os.uname().nodename not in text
    assert text.isprintable()
    # The inputs were read, not skipped.
    assert report["unknown"] == []
    assert report["callers"]["callers"][0] == {
        "program": "other", "user": "other", "in_container": True, "in_unit": True, "forwarded": True,
        "recorded_by": "watch", "evidence": "kernel",
        "requests": [{"mode": "normal_mode", "path": "instance-id", "noise": "retry", "ipv6": False, "count": 3,
                      "first": report["callers"]["last_normal_mode"] and report["callers"]["callers"][0]["requests"][0]["first"],
                      "last": report["callers"]["last_normal_mode"]}],
    }  # fmt: skip
    assert report["callers"]["watch"]["problems"] == ["other", "Cannot write"]
    assert report["callers"]["watch"]["dropped"] is None
    assert (report["versions"]["systemd"], report["versions"]["nftables"]) == ("252", "1.0.6")
    assert report["units"][_places.UNITS[0]] == {
        "LoadState": None, "UnitFileState": None, "ActiveState": "other", "Result": "exit-code", "NRestarts": 4,
        "ExecMainStatus": None,
    }  # fmt: skip
    assert report["messages"] == {
        "last": [{"time": "2025-11-24T21:06:27Z", "unit": _places.UNITS[0], "message": "Cannot write"}],
        "not_shown": 5,
    }
    assert report["fence"] == {"mode": "audit", "loaded": True, "repairs": 1, "last_repair": "2026-11-24T21:06:27Z"}
    assert report["modes"]["addresses"] == {"custom": "other", "IPv4": "optional"}
    assert report["installed"] == {"unchanged": 0, "changed": 0, "missing": 1, "unknown": 0}
    assert report["settings"]["environment"] == ["ALICLOUD_IMDS_ENDPOINT", "ALICLOUD_IMDS_TIMEOUT"]


def test_names_are_included_on_request_without_what_looks_like_a_secret(host: Host) -> None:
    report = host.bundle(names=True)
    text = shown(report)
    assert text.isprintable()
    assert [secret for secret in SECRETS[1:4] if secret in text] == []
    assert report["callers"]["callers"][0]["names"]["source"] == ADDRESS
    assert report["callers"]["callers"][0]["names"]["user"].startswith(MARK + " (removed) (removed)")
    for secret in ("token=ab12", "password: xy", "--api-key abc", "Authorization: Basic", "SECRET_KEY='q w'"):
        value = re.split("[=: ]+", secret)[-1].strip("'")
        assert value not in str(words.redacted("run %s end" % secret)).split(), secret


def test_records_with_anything_in_any_place_reveal_nothing(host: Host) -> None:
    row = dict(caller()["requests"][0])
    for changed in (
        *({"callers": [caller(requests=[{**row, key: SECRET}])]} for key in row),
        *({"callers": [{**caller(), key: [SECRET]}]} for key in caller()),
        *({key: SECRET} for key in records()),
        {"periods": [[SECRET]]},
        {"status": {"problems": {SECRET: 1}, "updated": SECRET, "last_loss": SECRET}},
    ):
        host.write("state/callers.json", json.dumps(records(**changed)))
        report = host.bundle()
        assert "planted" not in shown(report).lower(), changed
        assert report["callers"] or report["unknown"][-1]["part"] == "callers", changed


def test_what_cannot_be_read_is_unknown(host: Host) -> None:
    for name in ("state/callers.json", "rules", "repairs", "manifest", "os_release"):
        (host.folder / name).unlink()
        os.mkfifo(host.folder / name) if name != "state/callers.json" else host.write(name, SECRET)
    host.outputs, host.modes = {}, Refused("GET " + SECRET, "http://" + ADDRESS, SECRET, SECRET, 403)
    report = host.bundle()
    assert "planted" not in shown(report).lower() and ADDRESS not in shown(report)
    unknown = {entry["part"]: entry["reason"] for entry in report["unknown"]}
    assert set(unknown) == {
        "os_release", "systemd", "nftables", "modes", "installed", "units", "messages", "fence.repairs", "fence.mode",
        "fence.loaded", "callers",
    }  # fmt: skip
    assert unknown["modes"] == "No reply that shows the mode (refused, status 403)."
    assert unknown["callers"].startswith("Cannot parse STATE_DIR/callers.json: unknown format.")
    assert unknown["fence.mode"] == "Cannot read the rules of the fence: not a regular file."
    assert report["fence"]["mode"] is report["fence"]["loaded"] is report["units"] is report["messages"] is None


def test_a_journal_that_is_read_in_part_is_unknown(host: Host) -> None:
    host.errors = "Hint: You are currently not seeing messages from other users and the system."
    report = host.bundle()
    assert report["messages"] is None and "messages" in {entry["part"] for entry in report["unknown"]}


def test_the_fence_is_off_without_its_file(host: Host) -> None:
    (host.folder / "rules").unlink()
    (host.folder / "repairs").unlink()
    report = host.bundle()
    assert (report["fence"]["mode"], report["fence"]["repairs"], report["unknown"]) == ("off", 0, [])


def test_the_places_are_those_that_the_collection_installs() -> None:
    assert _places.MANIFEST == _install._MANIFEST
    assert (_places.FENCE_RULES, _places.FENCE_REPAIRS) == (_fence_files.RULES_FILE, _fence_files.REPAIRS)
    assert _places.FENCE_TABLE == _fence_rules.TABLE
    units = (_watch_service.UNIT, _fence_units.UNIT, _fence_units.CHECK_UNIT, _fence_units.TIMER)
    assert _places.UNITS == units
    for mode in ("audit", "enforce"):
        rules = _fence_rules.rules(mode, _fence_rules.Allowed([0], [], []))
        texts = {"audit": "fence would refuse", "enforce": "fence refused"}
        assert [name for name, text in texts.items() if text in rules] == [mode]


def test_the_words_are_those_of_the_watch() -> None:
    assert words.NOISE == set(_records.NOISE)
    assert words.ATTRIBUTION == set(_run._METHODS)
    problems = re.findall(r'log_problem\(\s*"([A-Z][^"%]+)', inspect.getsource(_loop))
    problems += re.findall(r'"((?:BPF|The tracepoint|Cannot)[^"%(]+)', inspect.getsource(_run))
    assert len(problems) > 3
    assert [text for text in problems if words.message(text) is None] == []
    assert words.program("/usr/bin/python3.11") == "python" and words.program("/usr/bin/curl") == "curl"


@pytest.mark.slow
def test_the_command_writes_the_report(command: Command, tmp_path: Path, instance: Any) -> None:
    instance.set(tags=HOSTILE, http_tokens="optional")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/callers.json").write_text(json.dumps(records()))
    words_of = ("support-bundle", "--state-dir", str(tmp_path / "state"))
    done = command(*words_of)
    assert (done.status, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["modes"]["verdict"] == "optional" and report["callers"]["callers"]
    assert done.stdout.isascii() and instance.id.encode() not in done.stdout
    done = command(*words_of, "--names", "--file", str(tmp_path / "report.json"))
    assert (done.status, done.stderr) == (0, "")
    assert "Read it before you send it" in done.text
    written = tmp_path / "report.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert json.loads(written.read_text())["callers"]["callers"][0]["names"]["source"] == ADDRESS
    (tmp_path / "link").symlink_to(written)
    done = command(*words_of, "--file", str(tmp_path / "link"))
    assert done.status == 1 and "symbolic link" in done.stderr
    done = command("support-bundle", "--state-dir", str(tmp_path / "none"))
    assert (done.status, done.stdout) == (2, b"") and "Check --state-dir." in done.stderr

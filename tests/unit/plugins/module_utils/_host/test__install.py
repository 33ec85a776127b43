# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the ecs-metadata command with all files that it imports, from a checkout and from Ansible's archive of the module."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._command import _launcher
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install, _managed_files
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

from ....payloads import payload

pytestmark = pytest.mark.slow  # starts Python for each test
CHECKOUT = Path(__file__).resolve().parents[5]
UTILS = CHECKOUT / "plugins/module_utils"


# Everything that the command may run on a host. Change this list only on purpose.
INSTALLED = {
    "_callers": "_analyzer _file _load _losses _paths _report _vocabulary",
    "_command": "_bash _bundle _bundle_callers _bundle_files _bundle_words _callers _clients"
    " _completion _exec _fish _main _output _parser _read _texts _token_file _tree _version _words _zsh",
    "_common": "_atomic _bounded _clock _places _probe_log _programs _protocol _text _utc",
    "_imds": "_access_modes _client _connect _dmi _errors _facts _gather _http _items _presence _role_keys _secrets _service _tree _walk",
    "_watch": "_attribution _bpf _bpf_call _bpf_code _bpf_groups _bpf_parts _bpf_programs _bpf_ring _btf _capture _cgroups _events"
    " _http_stream _loop _mounts _noise _packets _periods _priority _proc _processes _records _run _sockets _store _tcp _trace_format"
    " _tracepoint _units",
}
FILES = {"%s/%s.py" % (package, name) for package, names in INSTALLED.items() for name in ["__init__", *names.split()]}


def test_exactly_the_imported_files_are_installed() -> None:
    assert set(_install.command_files()) == FILES


def test_the_launcher_equals_the_one_of_the_checkout() -> None:
    assert (CHECKOUT / "command/ecs-metadata").read_text() == _launcher.LAUNCHER


def test_files_are_installed_unchanged_and_the_manifest_has_their_checksums(tmp_path: Path) -> None:
    files = {str(tmp_path) + path: entry for path, entry in _install.wanted(_install.Desired(True)).items()}
    _managed_files.carry_out(_managed_files.plan(str(tmp_path / "manifest.json"), files))
    listed = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert len(listed) == len(FILES) + 5  # the program, the local fact, and the completion of three shells
    for path, digest in listed.items():
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest
    for name in FILES:
        installed = tmp_path / "usr/local/lib/ecs-metadata/alicloud_imds" / name
        assert installed.read_bytes() == (UTILS / name).read_bytes()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    files = {str(tmp_path) + path: entry for path, entry in _install.wanted(_install.Desired(True)).items()}
    _managed_files.carry_out(_managed_files.plan(str(tmp_path / "manifest.json"), files))
    return tmp_path


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.path.dirname(os.path.realpath(sys.executable)) + ":/usr/bin:/bin", **environment}
    return subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, timeout=30, check=False)


def test_the_installed_command_prints_the_facts(installed: Path, instance) -> None:
    done = run(installed / "usr/local/bin/ecs-metadata", "facts", ALICLOUD_IMDS_ENDPOINT=instance.endpoint)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["available"], facts["instance_id"]) == (True, instance.id)
    assert "ram_credentials" not in facts and "user_data" not in facts


@pytest.mark.parametrize("subset", ["user_data", "no-such"])
def test_subsets_with_secrets_are_invalid(installed: Path, instance, subset: str) -> None:
    command = (installed / "usr/local/bin/ecs-metadata", "facts", "--subset", subset)
    done = run(*command, ALICLOUD_IMDS_ENDPOINT=instance.endpoint)
    assert (done.returncode, done.stdout) == (2, "")
    assert instance.journal() == []


def fact(installed: Path) -> str:
    script = installed / "etc/ansible/facts.d/alicloud_ecs.fact"
    script.write_text(script.read_text().replace("/usr/local/bin", str(installed / "usr/local/bin")))
    return str(script)


def test_the_local_fact_is_json_also_after_errors(installed: Path, instance, free_port: int) -> None:
    script = fact(installed)
    good = run(script, ALICLOUD_IMDS_ENDPOINT=instance.endpoint)
    assert (good.returncode, json.loads(good.stdout)["instance_id"]) == (0, instance.id)
    instance.fault(kind="status", status=500)
    bad = run(script, ALICLOUD_IMDS_ENDPOINT=instance.endpoint)
    assert (bad.returncode, bad.stderr, json.loads(bad.stdout)["available"]) == (0, "", False)
    absent = run(script, ALICLOUD_IMDS_ENDPOINT="http://127.0.0.1:%d" % free_port)
    assert (absent.returncode, absent.stderr, json.loads(absent.stdout)["available"]) == (0, "", False)


def test_files_are_found_in_the_archive_of_the_module(tmp_path: Path) -> None:
    """The sources are read through the import system, because the archive is not unpacked."""
    archive = tmp_path / "payload.zip"
    archive.write_bytes(payload("tooling"))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from ansible_collections.alicloud.imds.plugins.module_utils._host import _install;"
        "print(sum(len(f.content) for f in _install.wanted(_install.Desired(True)).values()))"
    )
    done = run(sys.executable, "-S", "-c", code, archive)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == sum(len(entry.content) for entry in _install.wanted(_install.Desired(True)).values())


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch, free_port: int) -> Path:
    """Return a folder below which the command is installed. The service at its endpoint does not answer."""
    names = ("PROGRAM", "_LIBRARY", "_MODULES", "_MANIFEST", "_LOCAL_FACT")
    for name in names:
        monkeypatch.setattr(_install, name, str(tmp_path / "root") + getattr(_install, name))
    for shell, path in _install._COMPLETION.items():
        monkeypatch.setitem(_install._COMPLETION, shell, str(tmp_path / "root") + path)
    monkeypatch.setenv("ALICLOUD_IMDS_ENDPOINT", "http://127.0.0.1:%d" % free_port)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_the_programs_run_with_the_interpreter_that_installed_them(prefix: Path, run_module) -> None:
    assert run_module("tooling")["changed"] is True
    program = (prefix / "usr/local/bin/ecs-metadata").read_text()
    assert f"for python in {os.path.realpath(sys.executable)} /usr/bin/python3 " in program
    assert run(prefix / "usr/local/bin/ecs-metadata", "--help", PATH="/nonexistent").returncode == 0
    assert json.loads(run(prefix / "etc/ansible/facts.d/alicloud_ecs.fact", PATH="/usr/bin:/bin").stdout)


def test_another_interpreter_renews_the_programs(prefix: Path, run_module, monkeypatch, tmp_path: Path) -> None:
    run_module("tooling")
    other = tmp_path / "python3"
    other.write_text('#!/bin/sh\nexec %s "$@"\n' % sys.executable)
    other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))
    done = run_module("tooling")
    (difference,) = done["diff"]
    assert difference["before"].startswith("2 files, ") and difference["after"].startswith("2 files, ")
    assert difference["before"] != difference["after"], "the program and the manifest"
    assert str(other) in Path(_install.PROGRAM).read_text()


@pytest.mark.parametrize("installed", [True, False])
def test_the_watch_is_left_as_it_is_by_default(prefix: Path, monkeypatch, installed: bool) -> None:
    monkeypatch.setattr(_install._watch_service, "is_installed", lambda: installed)
    outcome = _install.apply(_install.Desired(True), check_only=True)
    assert outcome.watch is installed
    assert not _install.apply(_install.Desired(True, watch=False), check_only=True).watch
    assert not _install.apply(_install.Desired(False), check_only=True).watch


def broken(tmp_path: Path, words: str) -> str:
    """Return an interpreter that cannot run the command."""
    python = tmp_path / "broken"
    python.write_text('#!/bin/sh\necho "%s" >&2\nexit 1\n' % words)
    python.chmod(0o755)
    return str(python)


def test_a_command_that_does_not_run_is_rolled_back(prefix: Path, run_module, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_install, "interpreter", lambda: broken(tmp_path, "SyntaxError: future feature annotations"))
    done = run_module("tooling")
    assert done["failed"] is True
    assert "does not run after its installation" in done["msg"]
    assert done["msg"].endswith("SyntaxError: future feature annotations")
    assert list(prefix.rglob("*")) == []


def test_an_upgrade_that_does_not_run_leaves_the_former_version(
    prefix: Path, run_module, monkeypatch, tmp_path: Path
) -> None:
    run_module("tooling", local_fact=False)
    before = {path: path.read_bytes() for path in prefix.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    monkeypatch.setattr(_install, "interpreter", lambda: broken(tmp_path, "illegal instruction"))
    assert "illegal instruction" in run_module("tooling")["msg"]
    after = {path: path.read_bytes() for path in prefix.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert after == before
    assert run_module("tooling", _ansible_check_mode=True)["changed"] is True, "check mode does not start programs"


def test_check_mode_returns_the_changes(run_module, prefix: Path) -> None:
    planned = run_module("tooling", _ansible_check_mode=True)
    assert planned["changed"] is True and not list(prefix.iterdir())
    done = run_module("tooling")
    library, local_fact = planned["diff"]
    assert done["diff"] == planned["diff"] and library["before"] == local_fact["before"] == ""
    assert re.fullmatch(r"%d files, \d+ bytes, sha256 [0-9a-f]{64}\n" % (len(FILES) + 5), library["after"])
    assert local_fact["after_header"].endswith("/alicloud_ecs.fact") and "#!/bin/sh" in local_fact["after"]
    assert run_module("tooling")["changed"] is False
    assert run_module("tooling", local_fact=False)["changed"] is True
    assert run_module("tooling", state="restored", before=done["before"])["changed"] is True
    assert [path for path in prefix.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("uid", "hint"), [(1000, " The module needs root. Set 'become: true'."), (0, "")])
def test_the_error_of_another_user_than_root_names_become(run_module, monkeypatch, uid: int, hint: str) -> None:
    def fail(*_arguments) -> None:
        raise HostError("Cannot write /usr/local/bin/ecs-metadata: Permission denied.")

    monkeypatch.setattr(_install, "apply", fail)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    failure = run_module("tooling")
    assert (
        failure["failed"] is True
        and failure["msg"] == "Cannot write /usr/local/bin/ecs-metadata: Permission denied." + hint
    )

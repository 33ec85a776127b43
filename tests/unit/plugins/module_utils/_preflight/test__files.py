# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a host are read within bounds, and what is not examined is noted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _files, _scripts
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Deadline, Files, read_mounts

UTILS = Path(__file__).resolve().parents[5] / "plugins"
KEYS = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"


def test_depth_time_and_number_of_names_are_bounded(host) -> None:
    host.write("/opt/" + "d/" * 12 + "deep.sh", KEYS)
    files = Files(str(host.root))
    assert _scripts.scan(files, ["/opt"]).reads == []
    assert [note.path for note in files.notes] == ["/opt"]
    for number in range(20):
        host.write("/opt/%d.sh" % number, KEYS)
    late = Files(str(host.root), Deadline(0))
    assert _scripts.scan(late, ["/opt"]).examined == 0 and late.stopped == "the deadline has passed"
    few = Files(str(host.root), max_names=3)
    _scripts.scan(few, ["/opt", "/usr"])
    assert few.stopped == "there are more than 3 files"
    assert few.not_reached == ["/opt", "/usr"], "one that was not examined to the end, and one that was not entered"


@pytest.mark.parametrize("stops_after", ["the first file", "the last file"])
def test_the_place_where_a_search_stops_is_not_reached(host, stops_after) -> None:
    """The deadline passes while a file is read, whether or not others follow it."""
    for name in ("/etc/done", "/opt/a", "/opt/b/c", "/srv/d"):
        host.write(name, KEYS)
    files = Files(str(host.root))
    assert len(list(files.walk("/etc"))) == 1
    for path in files.walk("/opt"):
        if stops_after == "the first file" or path.endswith("/c"):
            files.deadline = Deadline(0)
            assert files.open(path) is None
    assert list(files.walk("/srv")) == []
    assert files.not_reached == ["/opt", "/srv"]


def test_network_mounts_are_not_entered(host, tmp_path) -> None:
    host.write("/opt/share/plain.sh", KEYS)
    table = tmp_path / "mountinfo"
    table.write_text("36 35 98:0 / %s/opt/share rw,noatime - nfs4 server:/x rw\n" % host.root)
    files = Files(str(host.root), mounts=read_mounts(str(table)))
    assert _scripts.scan(files, ["/opt"]).reads == []
    assert _scripts.scan(files, ["/opt/share"]).reads == []
    host.link("/usr/local/bin/remote", "/opt/share/plain.sh")
    assert _scripts.scan(files, ["/usr/local/bin"]).reads == []
    assert files.text("/opt/share/plain.sh") is None and files.listing("/opt/share") == []
    assert {note.reason for note in files.notes} == {"not entered: a file system of type nfs4"}
    assert read_mounts(str(tmp_path / "none")) == {}


def test_a_real_proc_mount_is_not_entered(host) -> None:
    host.write("/opt/plain.sh", KEYS)
    (host.root / "opt/a b").mkdir()
    program = (
        "import sys; sys.path.insert(0, %r)\nfrom module_utils._preflight import _files, _scripts\n"
        "files = _files.Files(%r)\n"
        "print(_scripts.scan(files, ['/opt']).examined, files.directories, [note.reason for note in files.notes])"
    ) % (str(UTILS), str(host.root))
    script = 'mount --rbind /proc "$0" && exec "$1" -c "$2"'
    own_users = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", *own_users, "sh", "-c", script, host.root / "opt/a b", sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("cannot mount: " + done.stderr.strip())
    assert done.stdout.strip() == "1 1 ['not entered: a file system of type proc']", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run as another user")
def test_unreadable_files_and_directories_are_noted(public_host) -> None:
    host = public_host
    os.chmod(host.write("/opt/secret.sh", KEYS), 0)
    host.write("/opt/closed/x.sh", KEYS)
    os.chmod(host.root / "opt/closed", 0)
    program = (
        "import os, sys; sys.path.insert(0, %r)\n"
        "from module_utils._preflight import _files, _scripts\nos.setgid(65534); os.setuid(65534)\n"
        "files = _files.Files(%r)\n"
        "print(_scripts.scan(files, ['/opt']).reads, sorted(note.path for note in files.notes))"
    ) % (str(UTILS), str(host.root))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[] ['/opt/closed', '/opt/secret.sh']", done.stderr


def test_a_link_out_of_the_root_is_not_followed(host, tmp_path) -> None:
    (tmp_path / "outside").write_text(KEYS)
    host.link("/usr/local/bin/out", str(tmp_path / "outside"))
    host.link("/opt", str(tmp_path))
    assert _scripts.normal_mode_readers(root=str(host.root)) == []


def test_a_link_to_a_link_is_followed_only_within_local_file_systems(host) -> None:
    (host.root / "mnt").mkdir()
    files = Files(str(host.root), mounts={str(host.root / "mnt"): "nfs4"})
    host.link("/opt/METADATA", "../l2")
    host.link("/l2", "/mnt/dead/x")
    host.link("/l3", "mnt/dead/x")
    host.link("/opt/other", "../l3")
    assert files.open(str(host.root / "opt/METADATA")) is None and files.open(str(host.root / "opt/other")) is None
    assert files.text("/opt/other") is None
    host.write("/srv/real", "text")
    host.link("/opt/near", "../l4")
    host.link("/l4", "srv/real")
    assert files.text("/opt/near") == "text"


def test_large_directories_and_files_are_bounded(host, monkeypatch) -> None:
    monkeypatch.setattr(_files, "_MAX_ENTRIES", 5)
    for number in range(9):
        host.write("/opt/%d.sh" % number, KEYS)
    files = Files(str(host.root))
    assert len(list(files.walk("/opt"))) == 5 and files.cut
    assert [note.reason for note in files.notes] == ["only 5 of its names were examined"]
    host.write("/srv/package.json", "[" + "1," * (1 << 20) + "1]")
    assert files.read_json(str(host.root / "srv/package.json")) is None
    assert "is too large to be parsed" in [note.reason for note in files.notes]

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts that read without a token: real trees of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _scripts
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Clock, Files, read_mounts
from hypothesis import given
from hypothesis import strategies as st

UTILS = Path(__file__).resolve().parents[3] / "plugins"
KEYS = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"


def readers(host, *directories: str) -> list[tuple[str, int]]:
    return _scripts.plain_readers(directories or _scripts.DIRECTORIES, str(host.root))


def test_the_path_and_the_line_of_each_read(host) -> None:
    host.write("/etc/cron.d/report", "# sends a report\n\n* * * * * root curl -s %s\n" % KEYS)
    host.write("/usr/local/bin/both", "#!/bin/sh\nwget -qO- 100.100.100.200/latest/meta-data/mac\nx\ncurl %s\n" % KEYS)
    assert readers(host) == [("/etc/cron.d/report", 3), ("/usr/local/bin/both", 2), ("/usr/local/bin/both", 4)]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("curl -s http://100.100.100.200/latest/meta-data/Ram/security-credentials/app", "credentials"),
        ("curl http://100.100.100.200:80/2016-01-01/user-data | sh", "user data"),
        ("curl HTTP://100.100.100.200/latest/dynamic/instance-identity/document", "identity"),
        ("curl 100.100.100.200/latest/meta-data/mac", "metadata"),
        ("BASE=http://100.100.100.200", "unknown"),
        ("* * * * * wget http://100.100.100.200/latest/meta-data/mac", "metadata"),
        ("    --url http://100.100.100.200/latest/meta-data/mac", "metadata"),
        ("curl http://100.100.100.200/latest/meta-data/mac # why", "metadata"),
        ("curl --noproxy '*' http://100.100.100.200/latest/meta-data/mac", "metadata"),
        ("NO_PROXY=100.100.100.200 curl http://100.100.100.200/latest/user-data", "user data"),
    ],
)
def test_a_read(line, what) -> None:
    assert _scripts.judge(b"#!/bin/sh\n%s\n" % line.encode()) == [(2, what)]


@pytest.mark.parametrize(
    "line",
    [
        "# curl http://100.100.100.200/latest/meta-data/mac",
        "    // http://100.100.100.200/latest/meta-data/mac",
        "iptables -A OUTPUT -d 100.100.100.200 -j REJECT",
        "nft add rule inet x output ip daddr 100.100.100.200/32 tcp dport 80 reject",
        "IPAddressDeny=100.100.100.200",
        "export no_proxy=localhost,100.100.100.200",
        "export NO_PROXY=http://100.100.100.200",
        "ping -c 1 100.100.100.200",
        "ip route add 100.100.100.200/32 dev eth1",
        "curl http://100.100.100.2001/latest/meta-data/",
        "curl http://1100.100.100.200/latest/meta-data/",
        "curl http://100.100.100.200.example.com/latest/meta-data/",
    ],
)
def test_no_read(line) -> None:
    assert _scripts.judge(b"#!/bin/sh\n%s\n" % line.encode()) == []


def test_a_bare_address_counts_beside_a_path_of_the_metadata() -> None:
    program = b'h = HTTPConnection("100.100.100.200")\nh.request("GET", "/latest/meta-data/mac")\n'
    assert _scripts.judge(program) == [(1, "unknown")]
    fenced = b"iptables -d 100.100.100.200 -j DROP\ncurl $X/latest/meta-data/\n"
    assert _scripts.judge(fenced) == []


@pytest.mark.parametrize("header", ["X-aliyun-ecs-metadata-token", "x-aliyun-ecs-metadata-token-ttl-seconds: 60"])
@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_a_script_that_names_the_header_is_no_plain_reader(host, header, spelling) -> None:
    host.write("/usr/local/bin/good", 'curl -H "%s: $T" %s\n' % (spelling(header), KEYS))
    assert readers(host) == []


def test_our_own_files_are_not_accused() -> None:
    scripts = _scripts.scan(Files(), [str(UTILS / "module_utils"), str(UTILS / "modules")])
    assert scripts.reads == [] and scripts.examined > 30


def test_binaries_libraries_and_prose_are_no_scripts(host) -> None:
    host.write("/usr/local/bin/program", b"\x7fELF\0\0" + KEYS.encode())
    host.write("/opt/app/lib/python3/site-packages/sdk.py", KEYS)
    host.write("/opt/app/node_modules/sdk/index.js", KEYS)
    host.write("/opt/app/README.md", KEYS)
    host.write("/opt/app/run.sh", "curl " + KEYS)
    assert readers(host) == [("/opt/app/run.sh", 1)]


def test_links(host) -> None:
    script = host.write("/srv/tools/ask", "curl " + KEYS)
    host.link("/etc/cron.daily/ask", "../../srv/tools/ask")
    host.link("/usr/local/bin/ask", "../../../srv/tools/ask")
    host.link("/usr/local/bin/loop", "loop")
    host.link("/usr/local/bin/gone", "nowhere")
    host.link("/usr/local/bin/up", "..")
    os.link(script, host.root / "usr/local/bin/hard")
    assert readers(host) == [("/etc/cron.daily/ask", 1)]
    host.link("/etc/rc.d/init.d/x", "/dev/null")
    host.link("/etc/init.d", "rc.d/init.d")
    host.write("/etc/rc.d/init.d/plain", KEYS)
    assert ("/etc/rc.d/init.d/plain", 1) in readers(host)


def test_a_link_out_of_the_root_is_not_followed(host, tmp_path) -> None:
    (tmp_path / "outside").write_text(KEYS)
    host.link("/usr/local/bin/out", str(tmp_path / "outside"))
    host.link("/opt", str(tmp_path))
    assert readers(host) == []


def test_pipes_and_hostile_names_do_no_harm(host) -> None:
    host.write("/opt/x")
    os.mkfifo(host.root / "opt/pipe")
    (host.root / "opt").joinpath("a\n\x1b[31m<b>{{ 7*7 }}").write_text(KEYS)
    Path(os.fsdecode(os.fsencode(host.root) + b"/opt/\xff\xfe")).write_text(KEYS)
    assert readers(host) == [("/opt/\\xff\\xfe", 1), ("/opt/a\\n\\x1b[31m<b>{{ 7*7 }}", 1)]


def test_what_is_too_big_is_noted(host) -> None:
    host.write("/opt/huge.sh", "curl %s\n" % KEYS + "x" * (1 << 20) + "\ncurl %s\n" % KEYS)
    files = Files(str(host.root))
    assert [(read.path, read.line) for read in _scripts.scan(files, ["/opt"]).reads] == [("/opt/huge.sh", 1)]
    assert [(note.path, note.reason) for note in files.notes] == [
        ("/opt/huge.sh", "only the first 1048576 bytes were read")
    ]


def test_depth_time_and_number_are_bounded(host) -> None:
    host.write("/opt/" + "d/" * 12 + "deep.sh", KEYS)
    files = Files(str(host.root))
    assert _scripts.scan(files, ["/opt"]).reads == []
    assert [note.path for note in files.notes] == ["/opt"]
    for number in range(20):
        host.write("/opt/%d.sh" % number, KEYS)
    late = Files(str(host.root), Clock(0))
    assert _scripts.scan(late, ["/opt"]).examined == 0 and late.cut == "the deadline has passed"
    few = Files(str(host.root), most=3)
    _scripts.scan(few, ["/opt", "/usr"])
    assert few.cut == "there are more than 3 files"


def test_mounts_of_a_network_are_not_entered(host, tmp_path) -> None:
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


def test_a_real_mount_of_proc_is_not_entered(host) -> None:
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
        pytest.skip("no mounts here: " + done.stderr.strip())
    assert done.stdout.strip() == "1 1 ['not entered: a file system of type proc']", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_what_cannot_be_read_is_noted(public_host) -> None:
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


@given(st.binary(max_size=300))
def test_any_bytes_can_be_judged(content) -> None:
    assert all(1 <= line <= content.count(b"\n") + 1 for line, _what in _scripts.judge(content + b"100.100.100.200/x"))

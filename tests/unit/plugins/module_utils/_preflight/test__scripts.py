# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts that send normal-mode requests, in real directory trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _scripts
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Files
from hypothesis import given
from hypothesis import strategies as st

UTILS = Path(__file__).resolve().parents[5] / "plugins"
KEYS = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"


def readers(host, *directories: str) -> list[tuple[str, int]]:
    return _scripts.normal_mode_readers(directories or _scripts.DIRECTORIES, str(host.root))


def test_path_and_line_of_each_request_are_reported(host) -> None:
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
def test_a_request_is_found_with_its_class(line, what) -> None:
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
def test_comments_rules_and_other_addresses_are_no_requests(line) -> None:
    assert _scripts.judge(b"#!/bin/sh\n%s\n" % line.encode()) == []


def test_a_bare_address_counts_if_the_file_names_a_metadata_path() -> None:
    program = b'h = HTTPConnection("100.100.100.200")\nh.request("GET", "/latest/meta-data/mac")\n'
    assert _scripts.judge(program) == [(1, "unknown")]
    fenced = b"iptables -d 100.100.100.200 -j DROP\ncurl $X/latest/meta-data/\n"
    assert _scripts.judge(fenced) == []


@pytest.mark.parametrize("header", ["X-aliyun-ecs-metadata-token", "x-aliyun-ecs-metadata-token-ttl-seconds: 60"])
@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_a_script_that_names_the_token_header_is_no_finding(host, header, spelling) -> None:
    host.write("/usr/local/bin/good", 'curl -H "%s: $T" %s\n' % (spelling(header), KEYS))
    assert readers(host) == []


def test_files_of_this_collection_are_no_findings() -> None:
    scripts = _scripts.scan(Files(), [str(UTILS / "module_utils"), str(UTILS / "modules")])
    assert scripts.reads == [] and scripts.examined > 30


def test_binaries_libraries_and_documentation_are_not_scripts(host) -> None:
    host.write("/usr/local/bin/program", b"\x7fELF\0\0" + KEYS.encode())
    host.write("/opt/app/lib/python3/site-packages/sdk.py", KEYS)
    host.write("/opt/app/node_modules/sdk/index.js", KEYS)
    host.write("/opt/app/README.md", KEYS)
    host.write("/opt/app/run.sh", "curl " + KEYS)
    assert readers(host) == [("/opt/app/run.sh", 1)]


def test_each_script_is_reported_once_whatever_links_to_it(host) -> None:
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


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(content) -> None:
    assert all(1 <= line <= content.count(b"\n") + 1 for line, _what in _scripts.judge(content + b"100.100.100.200/x"))


def test_pipes_are_skipped_and_hostile_names_printable(host) -> None:
    host.write("/opt/x")
    os.mkfifo(host.root / "opt/pipe")
    (host.root / "opt").joinpath("a\n\x1b[31m<b>{{ 7*7 }}").write_text(KEYS)
    Path(os.fsdecode(os.fsencode(host.root) + b"/opt/\xff\xfe")).write_text(KEYS)
    assert readers(host) == [("/opt/\\xff\\xfe", 1), ("/opt/a\\n\\x1b[31m<b>{{ 7*7 }}", 1)]


def test_the_rest_of_a_large_script_is_noted_as_not_examined(host) -> None:
    host.write("/opt/huge.sh", "curl %s\n" % KEYS + "x" * (1 << 20) + "\ncurl %s\n" % KEYS)
    files = Files(str(host.root))
    assert [(read.path, read.line) for read in _scripts.scan(files, ["/opt"]).reads] == [("/opt/huge.sh", 1)]
    assert [(note.path, note.reason) for note in files.notes] == [
        ("/opt/huge.sh", "only the first 1048576 bytes were read")
    ]

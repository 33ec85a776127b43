# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts that send normal-mode requests, in real directory trees."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import (
    _decoding,
    _inventory,
    _judge,
    _notation,
    _places,
    _scripts,
)
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Deadline, Files
from hypothesis import example, given
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


def test_a_connection_to_the_address_counts_if_it_requests_a_metadata_path() -> None:
    program = b'h = HTTPConnection("100.100.100.200")\nh.request("GET", "/latest/meta-data/mac")\n'
    assert _scripts.judge(program, "/opt/x.py") == [(2, "metadata")]


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("# X-aliyun-ecs-metadata-token\ncurl -s %s\n" % KEYS, [(2, True)]),
        ("curl -H 'X-aliyun-ecs-metadata-token: x' %s || curl %s\n" % (KEYS, KEYS), [(1, True)]),
        ("curl -H 'X-aliyun-ecs-metadata-token:' %s\n" % KEYS, [(1, True)]),
        ('curl -H "$HEADER" %s\n' % KEYS, [(1, False)]),
        ("curl -s http://1684301000/latest/user-data\n", [(1, True)]),
        ("curl -s http://0x646464c8/latest/user-data\n", [(1, True)]),
        ("curl -s http://[fd00:100::100:200]/latest/user-data\n", [(1, True)]),
        ("T='X-aliyun-ecs-metadata-token: x'\ncurl -H \"$T\" %s\n" % KEYS, []),
    ],
)
def test_a_token_counts_for_the_request_that_sends_it(text, certain, host) -> None:
    host.write("/opt/x.sh", text)
    scanned = _scripts.scan(Files(str(host.root)), ["/opt"])
    assert [(read.line, read.certain) for read in scanned.reads] == certain


def test_a_token_in_one_script_does_not_excuse_another(host) -> None:
    host.write("/usr/local/bin/good.py", 'requests.get(U, headers={"X-aliyun-ecs-metadata-token": t})\n')
    host.write(
        "/usr/local/bin/zone.py",
        'BASE = "http://100.100.100.200"\nrequests.get(urljoin(BASE, "/latest/meta-data/zone-id"))\n',
    )
    assert readers(host) == [("/usr/local/bin/zone.py", 2)]


def test_a_judgment_that_takes_too_long_is_noted(host, monkeypatch) -> None:
    host.write("/opt/slow.sh", "curl %s\n" % KEYS)
    monkeypatch.setattr(_scripts, "_LONGEST", 0.001)
    monkeypatch.setattr(_judge, "judge", lambda *_arguments: [None for _number in itertools.repeat(0)])
    files = Files(str(host.root))
    assert [(read.line, read.certain) for read in _scripts.scan(files, ["/opt"]).reads] == [(1, False)]
    assert [note.path for note in files.notes] == ["/opt/slow.sh"]


def test_directories_that_were_not_reached_are_named_and_others_left_out(host) -> None:
    host.write("/opt/a.sh", "curl %s\n" % KEYS)
    host.write("/srv/b.sh", "curl %s\n" % KEYS)
    files = Files(str(host.root), Deadline(0))
    _scripts.scan(files, ["/opt", "/srv"])
    assert files.not_reached == ["/opt", "/srv"] and files.stopped
    files = Files(str(host.root))
    _inventory.collect(files, ["/opt", "/srv"])
    assert files.not_reached == [] and not files.stopped
    stopped = Files(str(host.root), Deadline(0))
    _inventory.collect(stopped, ["/opt", "/srv"])
    assert stopped.not_reached == ["/opt", "/srv"] and stopped.stopped
    left = _scripts.scan(Files(str(host.root)), ["/opt", "/srv"], ["/srv/"]).reads
    assert [read.path for read in left] == ["/opt/a.sh"]


@pytest.mark.parametrize(
    "place",
    """/root/x.sh /home/u/.bashrc /srv/x.sh /var/www/x.php /etc/ansible/facts.d/x.fact /etc/facter/facts.d/x.sh
    /etc/supervisor/conf.d/x.sh /etc/zabbix/x.sh /etc/keepalived/x.sh /etc/telegraf/x.sh /etc/consul.d/x.sh /etc/update-motd.d/50
    /etc/default/x.sh /etc/sysconfig/x.sh /etc/kubernetes/pre.sh /usr/local/libexec/x.sh /usr/local/lib/systemd/x.sh
    /usr/local/app/x.sh /usr/local/nginx/x.sh /var/lib/cloud/instances/i-1/scripts/part-001
    /var/lib/cloud/instances/i-1/user-data.txt /usr/lib/ocf/resource.d/heartbeat/x""".split(),
)
def test_usual_places_are_examined(host, place) -> None:
    host.write(
        place, "<?php file_get_contents('%s');" % KEYS if place.endswith("php") else "#!/bin/sh\ncurl %s\n" % KEYS
    )
    assert [path for path, _line in readers(host)] == [place]


@pytest.mark.slow
def test_files_of_this_collection_are_no_findings(host) -> None:
    scripts = _scripts.scan(Files(), [str(UTILS / "module_utils"), str(UTILS / "modules")])
    assert {read.path.rpartition("/")[2] for read in scripts.reads} == {"_service.py"} and scripts.examined > 30
    assert not any(read.certain for read in scripts.reads)
    # The constants in it are unsure, but installed files of the collection are not examined.
    assert _places.OWN + "/" == _install._LIBRARY
    host.write(_places.OWN + "/module_utils/_imds/_service.py", (UTILS / "module_utils/_imds/_service.py").read_bytes())
    assert readers(host) == []


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
@example(b"\ra=")
def test_any_bytes_are_judged(content) -> None:
    content += b"100.100.100.200/x"
    text = _decoding.text_of(content) or ""
    assert all(1 <= line <= text.count("\n") + 1 for line, _what in _scripts.judge(content))


def test_each_kind_of_line_break_ends_a_line() -> None:
    for content in (b"x\na=", b"x\r\na=", b"x\ra="):
        assert [line for line, _what in _scripts.judge(content + b"100.100.100.200/x")] == [2], content


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


@pytest.mark.parametrize(
    "text",
    [
        "fd00:100::100:200",
        "FD00:0100:0:0:0:0:0100:0200",
        "64:FF9B::6464:64C8",
        "100.100.100.0xc8",
        "100.100.25800",
        "100.0x6464c8",
        "0x64.100.100.200",
        "0144.0144.0144.0310",
        "['100', '100', '100', '200']",
    ],
)
def test_every_spelling_passes_the_filter_of_files(text) -> None:
    assert _notation.may_concern(b"BASE=%s\n" % text.encode())


@pytest.mark.parametrize("text", ["draw(100, 100)", "100 % 100", "page fd00 of", "tel. 0144. See", "a.100.100"])
def test_numbers_of_other_meanings_are_not_judged(text) -> None:
    assert not _notation.may_concern(text.encode())


def steps(content: str, path: str) -> int:
    """Return how many lines of Python the judgment of a file runs."""
    count = 0

    def trace(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        _judge.judge(content, path)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "piece"),
    [
        ("/opt/a.sh", "f%d() {\n  curl http://100.100.100.200/latest/meta-data/mac\n}\n"),
        ("/opt/a.py", "def f%d():\n    return requests.get('http://100.100.100.200/latest/meta-data/mac')\n"),
        ("/opt/b.py", "r%d = urllib.request.Request('http://100.100.100.200/latest/meta-data/mac')\nurlopen(other)\n"),
        ("/opt/a.yml", "- url%d: http://100.100.100.200/latest/meta-data/mac\n"),
        ("/opt/a.conf", "location /%d {\n  proxy_pass http://100.100.100.200;\n}\n"),
    ],
)
def test_the_steps_of_a_judgment_grow_with_the_length_of_the_file(path, piece) -> None:
    one, four = (steps("".join(piece % n for n in range(count)), path) for count in (50, 200))
    assert four < 4.4 * one


def test_a_file_whose_judgment_fails_is_unsure_and_the_next_one_is_judged(host, monkeypatch) -> None:
    judge = _judge.judge

    def fail(text, path):
        if path == "/opt/a.sh":
            raise IndexError
        return judge(text, path)

    monkeypatch.setattr(_judge, "judge", fail)
    for name in "ab":
        host.write("/opt/%s.sh" % name, "curl -s http://100.100.100.200/latest/meta-data/mac\n")
    found = [
        (one["id"], one["evidence"].get("path"), one["evidence"].get("reason")) for one in host.run("scripts").findings
    ]
    assert sorted(found) == [
        ("not_examined", "/opt/a.sh", "its judgment failed: IndexError"),
        ("script_normal_mode", "/opt/b.sh", None),
        ("script_unsure", "/opt/a.sh", None),
    ]


URL = "http://100.100.100.200/latest/meta-data/instance-id"
PREPARED = "Request('%s')" % URL
AUTHENTICATED = "Request('%s', headers={'X-aliyun-ecs-metadata-token': token})" % URL
FOUND = {
    "the value of a Makefile ends before a comment": (
        "Makefile",
        ["URL = %s # the service" % URL, "all:", "\tcurl $(URL)"],
        3,
    ),
    "a client with the name of a collection": (
        "a.py",
        ["cfg = connect()", "r = cfg.get('%s')" % URL, "print(r.text)"],
        2,
    ),
    "an attribute with the name of a collection": ("a.py", ["r = self.config.get('%s')" % URL, "print(r.text)"], 1),
    "the URL in a variable": ("a.py", ["u = '%s'" % URL, "r = cfg.get(u)", "print(r.text)"], 2),
    "the URL of two parts": (
        "a.py",
        ["b = 'http://100.100.100.200'", "r = cfg.get(b + '/latest/meta-data/mac')", "print(r)"],
        2,
    ),
    "the URL in a format": (
        "a.py",
        ["b = 'http://100.100.100.200'", "r = cfg.get(f'{b}/latest/meta-data/mac')", "print(r)"],
        2,
    ),
    "a collection of PHP": ("a.php", ["<?php", "$r = $config->get('%s');" % URL, "echo $r->body;"], 2),
    "a collection of JavaScript": ("a.js", ["const r = await options.get(`%s`)" % URL, "console.log(r.data)"], 1),
    "the element of a cache": ("a.py", ["r = url_cache.get('%s')" % URL, "print(r.text)"], None),
    "the default of an element": ("a.py", ["r = cfg.get('url', 'http://100.100.100.200/')", "print(r)"], None),
    "code in a message": ("a.py", ["print(\"call cfg.get('%s')\")" % URL], None),
    "a prepared request beside one with a token": (
        "a.py",
        [
            "from urllib.request import Request, urlopen",
            "a = " + PREPARED,
            "b = " + AUTHENTICATED,
            "urlopen(a)",
            "urlopen(b)",
        ],
        4,
    ),
    "a prepared request whose name another function uses": (
        "a.py",
        [
            "from urllib.request import Request, urlopen",
            "def first():",
            "    request = " + PREPARED,
            "    return queue.put(request)",
            "def second(token):",
            "    request = " + AUTHENTICATED,
            "    return urlopen(request).read()",
            "first(), second(new_token())",
        ],
        3,
    ),
    "an object that adds no token": (
        "a.py",
        [
            "import requests",
            "class Plain(requests.auth.AuthBase):",
            "    def __call__(self, request):",
            "        return request",
            "requests.get('%s', auth=Plain())" % URL,
        ],
        5,
    ),
    "a line after a quote that does not end": (
        "a.sh",
        ["#!/bin/sh", "echo it's", *["echo 100.100.100.200"] * 500, "curl " + URL],
        503,
    ),
}


@pytest.mark.parametrize(("name", "lines", "line"), list(FOUND.values()), ids=list(FOUND))
def test_requests_are_found(name, lines, line) -> None:
    found = _scripts.judge("\n".join(lines).encode(), "/srv/" + name)
    assert found == ([] if line is None else [(line, "metadata")])


def test_a_file_that_only_requests_a_token_is_token_authenticated() -> None:
    header = "headers={'X-aliyun-ecs-metadata-token-ttl-seconds': '60'}"
    text = "import requests\nprint(requests.put('http://100.100.100.200/latest/api/token', %s).text)\n" % header
    outcome = _judge.judge(text, "/srv/a.py")
    assert (dict(outcome.lines), outcome.token_authenticated) == ({}, True)

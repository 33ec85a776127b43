# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgment of scripts on the labeled corpus, and on texts that are hostile or of no language."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _decoding, _judge, _notation, _numeric
from hypothesis import given, settings
from hypothesis import strategies as st

from .page import definitions

MEASURE = Path(__file__).resolve().parents[4] / "corpus/measure.py"
KEYS = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"
NAMES = "x.sh x.py x.pl x.rb x.php x.js x.go x.java x.ps1 x.yml x.json x.conf x.service Makefile Dockerfile cron.d/x".split()


@pytest.mark.slow
def test_the_wanted_precision_and_recall_are_met_on_the_corpus() -> None:
    measure = definitions(MEASURE)
    found = measure["results"](list(measure["corpus"].samples()))
    assert len(found) >= 250
    assert {one.sample.label for one in found} == set(measure["corpus"].CLASSES)
    assert measure["table"](found).met
    # The shell of Python, and a list that cloud-init includes, are only reported as unsure.
    assert {one.sample.name: one.predicted for one in found if not one.right} == {
        "cloudinit/include.txt": "unsure",
        "w/meta.xsh": "unsure",
    }


REQUEST = "check host imds with address 100.100.100.200\n  if failed protocol http request '/latest/meta-data/mac' then alert\n"


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("/etc/monit/conf.d/imds", REQUEST, {1: True}),
        ("/etc/other/imds", REQUEST, {1: False}),  # nothing shows what the file is
        ("/srv/confs/imds", REQUEST, {1: False}),
        ("/opt/imds", REQUEST, {}),
        ("/etc/hosts", "100.100.100.200 metadata imds\n127.0.0.1 localhost\n", {}),
        ("/etc/conf.d/agent", "NO_PROXY=100.100.100.200\nMETA=100.100.100.200\n", {2: False}),
        ("/etc/init.d/agent", "#!/bin/sh\n# url: http://100.100.100.200/latest/meta-data/mac\necho ok\n", {}),
    ],
)
def test_a_file_without_an_ending_may_be_a_configuration_file(path: str, text: str, found: dict[int, bool]) -> None:
    assert {line: certain for line, (_what, certain) in _judge.judge(text, path).lines.items()} == found


HTTPARTY = "class Instance\n  include HTTParty\n  base_uri 'http://100.100.100.200'\n%s\nend\n"


@pytest.mark.parametrize(
    ("inside", "found", "token"),
    [
        ("", {3: False}, False),  # another file may send the request
        ("  def self.id\n    get('/latest/meta-data/mac').body\n  end", {3: False}, False),
        ("  def id\n    self.class.get('/latest/meta-data/mac')\n  end", {5: True}, False),
        (
            "  headers 'X-aliyun-ecs-metadata-token' => TOKEN\n  def self.id\n    get '/latest/meta-data/mac'\n  end",
            {},
            True,
        ),
    ],
)
def test_the_address_of_a_class_is_not_passed_over(inside: str, found: dict[int, bool], token: bool) -> None:
    outcome = _judge.judge(HTTPARTY % inside, "/opt/instance.rb")
    assert {line: certain for line, (_what, certain) in outcome.lines.items()} == found
    assert bool(outcome.token_authenticated) is token


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "/etc/agent/checks.yml",
            "- url: http://100.100.100.200/latest/meta-data/mac\n  headers: {X-aliyun-ecs-metadata-token: t}\n"
            "- url: http://100.100.100.200/latest/meta-data/zone-id\n",
            {3: True},
        ),
        (
            "/etc/agent/checks.yml",
            "checks:\n  - name: a\n    command: curl http://$IMDS/latest/meta-data/mac\n",
            {3: False},
        ),
    ],
)
def test_items_of_a_list_are_judged_one_by_one(path: str, text: str, found: dict[int, bool]) -> None:
    """The token header of one is no evidence for the next. An address that the file does not have is unknown."""
    assert {line: certain for line, (_what, certain) in _judge.judge(text, path).lines.items()} == found


READ = "nc 100.100.100.200 80 <<E\nGET /latest/meta-data/mac HTTP/1.0\n%s\nE\n"
NC, GET = "nc 100.100.100.200 80 <<", "GET /latest/meta-data/mac HTTP/1.0\n%s\n"
TWO = f"{NC}E; {NC}F\n{GET}E\n{GET}F\n"
TOKEN_READ = READ % "X-aliyun-ecs-metadata-token: $T\n"


@pytest.mark.parametrize(
    ("text", "lines", "token"),
    [
        (READ % "", {1}, False),
        (TOKEN_READ, set(), True),
        (TOKEN_READ + READ % "", {6}, True),
        ("f() {\n  " + READ % "" + "}\nf\n", {2}, False),
        (READ.replace("nc 100", "cat >/dev/tcp/100").replace(" 80 <<", "/80 <<") % "", {1}, False),
        (READ.replace("<<E", "<<E | tail -1") % "", {1}, False),
        (TWO % ("X-aliyun-ecs-metadata-token: $T\n", ""), {1}, False),
        (TWO % ("", "X-aliyun-ecs-metadata-token: $T\n"), {1}, False),
        (TWO % (("X-aliyun-ecs-metadata-token: $T\n",) * 2), set(), True),
        (READ.replace("nc 100.100.100.200", "nc 10.0.0.1") % "X-Origin: 100.100.100.200\n", set(), False),
    ],
)
def test_what_netcat_sends_is_its_own_here_document(text: str, lines: set[int], token: bool) -> None:
    outcome = _judge.judge(text, "/opt/read.sh")
    assert set(outcome.lines) == lines and all(certain for _what, certain in outcome.lines.values())
    assert bool(outcome.token_authenticated) is token


PREPARED = "import requests\ns = requests.Session()\nq = requests.Request('GET', 'http://100.100.100.200/latest/meta-data/mac')\n"


@pytest.mark.parametrize(("last", "line"), [("s.send(q.prepare())\n", 4), ("print(q.url)\n", 3)])
def test_a_request_is_at_the_line_that_sends_it_or_else_prepares_it(last: str, line: int) -> None:
    assert list(_judge.judge(PREPARED + last, "/opt/read.py").lines) == [line]


BUILT = "from urllib.request import Request\nr = Request('%s'%s)\n\nbody = pool.dispatch(r)\n"
AUTHENTICATED = ", headers={'X-aliyun-ecs-metadata-token': t}"


@pytest.mark.parametrize(
    ("address", "headers", "found", "token"),
    [
        (KEYS, "", {4: True}, False),
        ("http://100.100.100.200", "", {4: True}, False),
        (KEYS, AUTHENTICATED, {}, True),
    ],
)
def test_whatever_takes_a_request_sends_it(address: str, headers: str, found: dict[int, bool], token: bool) -> None:
    outcome = _judge.judge(BUILT % (address, headers), "/opt/read.py")
    assert {line: certain for line, (_what, certain) in outcome.lines.items()} == found
    assert bool(outcome.token_authenticated) is token


@pytest.mark.parametrize(
    "text",
    [
        "100.100.100.200",
        "1684301000",
        "0x646464c8",
        "0x64.0x64.0x64.0xC8",
        "0144.0144.0144.0310",
        "100.6579400",
        "100.100.25800",
    ],
)
def test_numbers_that_are_the_address_are_recognized(text) -> None:
    assert _numeric.is_service_number(text) and _notation.has_address("http://%s/x" % text)
    assert _notation.may_concern(b"curl http://%s/x" % text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "100.100.100.201",
        "100.100.100.2oo",
        "1684300999",
        "0x646464c9",
        "100.100.100.2000",
        "1.2.3.4.5",
        "100.100.100.200/32",
    ],
)
def test_other_numbers_are_no_address(text) -> None:
    assert not _notation.has_address("to %s x" % text) and not _numeric.is_service_number(text)


@pytest.mark.parametrize(
    "text", ["fd00:100::100:200", "[fd00:100::100:200]", "::ffff:100.100.100.200", "FD00:0100:0:0:0:0:0100:0200"]
)
def test_ipv6_forms_are_recognized(text) -> None:
    assert _notation.has_address("http://%s/x" % text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_are_decoded(encoding, end) -> None:
    content = end.join(["# comment", "curl " + KEYS, ""]).encode(encoding)
    assert _decoding.text_of(content) == "# comment\ncurl %s\n" % KEYS
    assert _notation.may_concern(content)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(text=st.text(alphabet="ab$(){}[]'\"`#\\/:=.|&;<>\n \t-", max_size=200))
def test_any_text_is_judged_in_any_language(name, text) -> None:
    outcome = _judge.judge(text + KEYS + "\n" + text, "/opt/" + name)
    lines = text.count("\n") * 2 + 2
    assert all(1 <= line <= lines for line in outcome.lines)


HEADER = "X-aliyun-ecs-metadata-token"
URL = "http://100.100.100.200/latest/meta-data/"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        # The definition, an export and a self-reference are no use.
        ("x.go", 'const (\n\tEndpoint = "%s"\n\tTimeout  = 3\n)\n' % URL, 2),
        ("x.js", "const URL = '%s';\nexports.URL = URL;\n" % URL, 1),
        ("x.ts", "const BASE = '%s';\nexport { BASE };\n" % URL, 1),
        ("x.lua", 'local M = {}\nM.URL = "%s"\nreturn M\n' % URL, 2),
        ("x.sh", 'IMDS="${IMDS:-%s}"\nexport IMDS\nexec /opt/agent\n' % URL, 1),
        ("x.sh", 'IMDS=%s\necho "using $IMDS"\n. /opt/lib.sh\n' % URL, 1),
        ("x.rb", "default['base']['metadata_url'] = '%s'\ndefault['base']['swap'] = false\n" % URL, 1),
        # The name of the token header in the same file is no token, neither unused nor used for another address.
        ("x.py", 'TOKEN_HEADER = "%s"\nURL = "%s"\n' % (HEADER, URL), 2),
        ("x.go", 'const (\n\tURL = "%s"\n\tHeader = "%s"\n)\nfunc f() {}\n' % (URL, HEADER), 2),
        (
            "x.py",
            'import requests\nOLD = "%szone-id"\nBASE = "%s"\nHEADER = "%s"\n\n\ndef read(item, token):\n'
            "    return requests.get(BASE + item, headers={HEADER: token}).text\n" % (URL, URL, HEADER),
            2,
        ),
    ],
)
def test_a_constant_that_other_files_may_use_is_unsure(name, text, line) -> None:
    assert _judge.judge(text, "/opt/" + name).lines == {line: ("metadata", False)}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("case $v in\n  a*) M=%s ;;\n  b) M=http://169.254.169.254/ ;;\n  *) M= ;;\nesac\ncurl -s $M/id\n" % URL, 6),
        ("if [ -f /x ]; then\n  M=%s\nelse\n  M=http://169.254.169.254/\nfi\ncurl -s $M/id\n" % URL, 6),
    ],
)
def test_a_variable_holds_what_any_branch_assigns(text, line) -> None:
    assert _judge.judge(text, "/opt/x.sh").lines == {line: ("metadata", True)}
    assert not _judge.judge("M=%s\nM=http://192.0.2.1/\ncurl -s $M\n" % URL, "/opt/x.sh").lines


def test_an_address_in_the_query_to_another_host_is_no_target() -> None:
    other = "curl --resolve a:80:100.100.100.200 http://b/latest/meta-data/mac\n"
    assert not any(certain for _what, certain in _judge.judge(other, "/opt/x.sh").lines.values())
    assert _judge.judge(other.replace("http://b", "http://a"), "/opt/x.sh").lines == {1: ("metadata", True)}
    assert not _judge.judge("curl 'http://192.0.2.1/?url=%s'\n" % KEYS, "/opt/x.sh").lines
    assert _judge.judge("curl 'http://100.100.100.200/latest/user-data?a=http://192.0.2.1/'\n", "/opt/x.sh").lines


PULL = "import requests\n\n\ndef pull(url):\n    return requests.get(url).text\n\n\n"
ITEM = (
    'import requests\n\n\ndef item(name, headers):\n    return requests.get("%s" + name, headers=headers).text\n\n\n'
    % URL
)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        # The result of a call is assigned: of a function of the file, of a wrapped one, of an imported one.
        ("x.py", PULL + "data = pull('%s')\nprint(data)\n" % URL, {8: True}),
        (
            "x.go",
            'package x\nvar u = "%s"\nfunc f() {\n\ts, err := hook(get)(u + "x")\n\tlog(s, err)\n}\n'
            "func get(url string) (int, error) {\n\tr, err := http.Get(url)\n\treturn r.Status, err\n}\n" % URL,
            {4: True},
        ),
        ("x.py", "from lib import fetch_item\n\ndata = fetch_item('%s')\nprint(data)\n" % URL, {3: False}),
        ("x.py", "from lib import fetch_item\n\ndata = fetch_item('%s', {'%s': t()})\n" % (URL, HEADER), {}),
        # The headers are a parameter: each call decides, also one whose address is only in the function.
        ("x.py", ITEM + "data = item('zone-id', {'Accept': '*/*'})\n", {8: True}),
        ("x.py", ITEM + "print(item('zone-id', {'Accept': '*/*'}))\n", {8: True}),
        (
            "x.py",
            ITEM + "data = item('zone-id', {'%s': t()})\nprint(item('mac', {'%s': t()}))\n" % (HEADER, HEADER),
            {},
        ),
        ("x.py", ITEM + "data = [n + item(n, {'%s': t()}) for n in N]\n" % HEADER, {}),
        ("x.py", ITEM + "def region(headers):\n    return item('region-id', headers)\n", {9: False}),
        ("x.py", ITEM + "pair = (item('mac', {'%s': t()}), item('zone-id', {}))\n" % HEADER, {8: True}),
        ("x.py", ITEM + "pair = (item('mac', {'%s': t()}), item('zone-id', {'%s': t()}))\n" % (HEADER, HEADER), {}),
        ("x.py", ITEM + "data = item('mac', {'%s': t()})\nprint(f\"{item('zone-id', {})}\")\n" % HEADER, {5: False}),
        (
            "x.py",
            ITEM.rstrip() + " or item(name, headers)\n\n\ndata = item('mac', {'%s': t()})\n" % HEADER,
            {},
        ),
        # No call is in a statement that is followed.
        ("x.py", ITEM + "print(f\"{item('zone-id', {'Accept': '*/*'})}\")\n", {5: False}),
        # A method returns the address to a class in another file.
        (
            "X.java",
            'class X {\n    public URL buildUrl() {\n        return new URL("%s");\n    }\n}\n' % URL,
            {3: False},
        ),
        # An unknown function gets the headers of a prepared request.
        (
            "x.go",
            'func f(set func(h *http.Header)) {\n\tr, _ := http.NewRequest("GET", "%s", nil)\n\tset(&r.Header)\n'
            "\tresp, err := c.Do(r)\n}\n" % URL,
            {4: False},
        ),
        # Declarations send nothing, and what is thrown away holds nothing.
        (
            "x.go",
            'type c struct {\n\treq *http.Request\n}\nfunc f() {\n\treq, err := http.NewRequest("GET", "%s", nil)\n'
            '\treq.Header.Set("%s", t)\n\tresp, err := h.Do(req)\n\tx, _ := os.Open(path)\n}\n' % (URL, HEADER),
            {},
        ),
    ],
)
def test_calls_of_functions_are_followed(name, text, lines) -> None:
    found = _judge.judge(text, "/opt/" + name).lines
    assert {line: certain for line, (_what, certain) in found.items()} == lines


@pytest.mark.parametrize("text", ["f(1, '%s: x')\n", "0.1 = '%s: x'\n"])
@pytest.mark.parametrize("name", ["x.php", "x.js", "x.py"])
def test_objects_whose_names_are_numbers_are_judged(name, text) -> None:
    assert not _judge.judge("<?php\n" + text % HEADER, "/srv/" + name).lines


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        # A local variable of one function is not that of another, also if it has the same name.
        (
            "x.py",
            "import requests\n\n\ndef f():\n    url = '%s'\n    print(url)\n\n\ndef g(a):\n    requests.get(url)\n"
            % URL,
            {},
        ),
        (
            "x.js",
            "function f() {\n  const u = '%s';\n  console.log(u);\n}\nfunction g() {\n  return fetch(u);\n}\n" % URL,
            {},
        ),
        (
            "x.py",
            "import requests\n\n\ndef f():\n    global u\n    u = '%s'\n\n\ndef g():\n    requests.get(u)\n" % URL,
            {10: True},
        ),
        (
            "x.js",
            "function f() {\n  const u = '%s';\n  const g = () => {\n    fetch(u);\n  };\n  g();\n}\n" % URL,
            {4: True},
        ),
        # An element of an answer is no request, and an answer is no address.
        (
            "x.py",
            "import requests\n\na = requests.get('%s').json()\nb = a.get('zone')\nprint(b.get('id'))\n" % URL,
            {3: True},
        ),
        # A variable that gets the answer no longer holds the address, or the header.
        ("x.py", "import requests\n\nu = '%s'\nu = requests.get(u).json()['next']\nrequests.get(u)\n" % URL, {4: True}),
        (
            "x.py",
            "import requests\n\nh = {'%s': t()}\nh = requests.get('http://a/').headers\nrequests.get('%s', headers=h)\n"
            % (HEADER, URL),
            {5: True},
        ),
        # The whole URL is given to code that is not in the file.
        ("x.py", "from a import Poller\n\nPoller('%s').start()\n" % URL, {3: False}),
        (
            "x.py",
            "from a import Poller\n\nargs = ArgumentParser(description='%s').parse_args()\nprint(args)\n" % URL,
            {},
        ),
    ],
)
def test_variables_and_answers_are_followed(name, text, lines) -> None:
    found = _judge.judge(text, "/opt/" + name).lines
    assert {line: certain for line, (_what, certain) in found.items()} == lines

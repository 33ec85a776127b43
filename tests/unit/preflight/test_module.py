# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""preflight_info with the real AnsibleModule, on this machine and on small trees; and its page."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _catalog, _options, _run

from .page import page

CHECKOUT = Path(__file__).resolve().parents[3]
MODULE = "ansible_collections.alicloud.imds.plugins.modules.preflight_info"


@pytest.fixture
def module(capsys):
    def run(**args) -> dict:
        with patch_module_args(args), pytest.raises(SystemExit):
            importlib.import_module(MODULE).main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def jobs(host):
    host.write("/report.sh", "#!/bin/sh\ncurl http://100.100.100.200/latest/meta-data/mac?key=hush\n")
    (host.root / "b\n\udcff.sh".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")).write_text("x")
    return str(host.root)


def test_only_what_was_asked_for(module, jobs) -> None:
    result = module(checks=["scripts"], script_directories=[jobs])
    [one] = result["findings"]
    assert (one["id"], one["severity"], one["waived"]) == ("script_reads_plain", "block", None)
    assert one["evidence"] == {"path": jobs + "/report.sh", "line": 2, "reads": "metadata"}
    assert (result["verdict"], result["complete"], result["changed"]) == ("block", True, False)
    assert list(result["examined"]) == ["scripts"] and result["examined"]["scripts"]["texts"] == 2
    assert "hush" not in json.dumps(result)
    assert (
        module(checks=["scripts"], script_directories=[jobs], _ansible_check_mode=True)["findings"]
        == result["findings"]
    )


def test_a_waiver(module, jobs) -> None:
    one = {"finding": "script_reads_plain", "reason": "It is gone next week", "expires": "2999-12-31"}
    result = module(checks=["scripts"], script_directories=[jobs], waivers=[one])
    assert result["verdict"] == "clear"
    assert result["findings"][0]["waived"] == {"reason": "It is gone next week", "expires": "2999-12-31"}
    elsewhere = module(checks=["scripts"], script_directories=[jobs], waivers=[{**one, "host": "db*"}], host="web1")
    assert elsewhere["verdict"] == "block"


def test_everything_on_this_machine(module, jobs) -> None:
    result = module(search_directories=[jobs], script_directories=[jobs], deadline=60)
    assert set(result["examined"]) == {*_run.CHECKS, _run.SEARCH}
    assert {one["id"] for one in result["findings"]} <= set(_catalog.CATALOG)
    assert all(
        set(one) == {"id", "severity", "title", "detail", "evidence", "remedy", "waived"} for one in result["findings"]
    )


def test_a_deadline_that_passes_is_told(module) -> None:
    result = module(checks=["scripts", "python"], script_directories=["/"], search_directories=["/"], deadline=0.000001)
    assert result["complete"] is False and result["verdict"] != "clear"
    cut = [one for one in result["findings"] if one["id"] == "search_cut_short"]
    assert {one["evidence"]["check"] for one in cut} >= {"scripts", "search"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"deadline": 0}, "deadline must be more than 0"),
        ({"quiet_period": -1}, "quiet_period must not be negative"),
        ({"script_directories": ["bin"]}, "'bin' is no absolute path"),
        ({"callers_since": "soon"}, "callers_since must be"),
        ({"checks": ["everything"]}, "value of checks must be one or more of"),
        ({"waivers": [{"finding": "ack_node", "reason": "x"}]}, "missing required arguments: expires"),
        ({"waivers": [{"finding": "ack_node", "reason": "", "expires": "2999-01-01"}]}, "'reason' must say why"),
        ({"waivers": [{"finding": "ack", "reason": "x", "expires": "2999-01-01"}]}, "docs/preflight-findings.md"),
    ],
)
def test_bad_options_fail(module, args, message) -> None:
    result = module(**{"checks": ["platform"], **args})
    assert result["failed"] is True and message in result["msg"]


@pytest.mark.parametrize("since", ["1800000000", "2027-01-15T08:00:00Z"])
def test_callers_are_handed_in(module, since) -> None:
    args = {"checks": ["callers"], "callers": [{"mode": "normal_mode", "exe": "/usr/bin/curl"}], "callers_since": since}
    assert [one["id"] for one in module(**args)["findings"]] == ["caller_plain", "callers_watched_too_briefly"]


GOOD, STOCK = "25.1.4-0ubuntu0~24.04.1", "22.4.2-1+deb12u4"
SDK = "/opt/report/venv/lib/python3.11/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA"


@pytest.mark.parametrize(
    ("cloud_init", "files", "expected"),
    [
        (GOOD, {}, []),
        (STOCK, {}, ["cloud_init_too_old"]),
        (GOOD, {SDK: "Name: alibabacloud-credentials\nVersion: 0.3.5\n"}, ["python_credentials_too_old"]),
        (
            GOOD,
            {"/etc/cron.d/tag": "* * * * * root curl -s http://100.100.100.200/latest/user-data\n"},
            ["script_reads_plain"],
        ),
    ],
    ids=["clean", "stock cloud-init", "old library", "plain cron job"],
)
def test_exactly_what_is_wrong_with_a_host(host, cloud_init, files, expected) -> None:
    host.write("/var/lib/dpkg/status", "Package: cloud-init\nStatus: install ok installed\nVersion: %s\n" % cloud_init)
    host.write("/sys/class/dmi/id/product_name", "Alibaba Cloud ECS\n")
    host.write("/usr/local/bin/backup", "#!/bin/sh\necs-metadata get instance-id\n")
    for path, content in files.items():
        host.write(path, content)
    report = host.run(*_run.CHECKS, callers=[])
    assert [one["id"] for one in report.findings] == expected
    assert (report.verdict, report.complete) == ("block" if expected else "clear", True)


def test_the_options_are_documented_as_they_are() -> None:
    documented = yaml.safe_load(importlib.import_module(MODULE).DOCUMENTATION)["options"]
    spec = _options.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "elements", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)
    assert set(documented["waivers"]["suboptions"]) == set(spec["waivers"]["options"])


@pytest.mark.parametrize(("option", "default"), [("script_directories", 0), ("search_directories", 1)])
def test_the_documented_directories_are_the_default_ones(option, default) -> None:
    request = _run.Request()
    documented = yaml.safe_load(importlib.import_module(MODULE).DOCUMENTATION)["options"][option]
    for word in " ".join(documented["description"]).split("V(")[1:]:
        assert word.split(")")[0] in (request.script_directories, request.search_directories)[default]


def test_the_page_says_what_the_catalog_says() -> None:
    told = (CHECKOUT / "docs/preflight-findings.md").read_text()
    assert told == page(_catalog.CATALOG), "Run: python tests/unit/preflight/page.py > docs/preflight-findings.md"


def test_every_kind_is_used_and_every_used_kind_is_there() -> None:
    sources = "".join(path.read_text() for path in (CHECKOUT / "plugins/module_utils/_preflight").glob("_[!c]*.py"))
    sources += "".join(
        (CHECKOUT / "plugins/module_utils/_preflight" / name).read_text() for name in ("_callers.py", "_cloud_init.py")
    )
    assert [kind for kind in _catalog.CATALOG if '"%s"' % kind not in sources] == []
    assert all(
        kind.severity in _catalog.SEVERITIES and kind.title and kind.remedy for kind in _catalog.CATALOG.values()
    )

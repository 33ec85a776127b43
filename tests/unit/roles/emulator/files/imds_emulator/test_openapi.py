# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OpenAPI description of the admin API agrees with the code. tests/interop/test_openapi.py tries all of it."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from imds_emulator import __version__, description, faults, fields
from imds_emulator.control import faults as control_faults
from imds_emulator.control import settings
from imds_emulator.emulator import Emulator, Settings
from imds_emulator.local import LocalEmulator
from imds_emulator.request import Request
from imds_emulator.switches import SWITCHES

from .client import ask, exchange

DOCUMENT = json.loads(description.text())
CALL = {"action", "region", "access_key", "code", "version", "query"}
METHODS = ("get", "post", "put", "patch", "delete")
MALFORMED = (b"[[]]", b"null", b"1", b'"x"', b"{", b"\xff", b"[" * 100000, b'{"advance": NaN}', b'{"advance": -1}')
MALFORMED += (b'{"advance": 1e999}', b'{"kind": 1}', b'[{"kind": "latency", "seconds": 1e300}]', b'{"access_keys": []}')
MALFORMED += (
    b'{"faults": 1}',
    b'{"tags": {"a": 1}}',
    b'{"options_delay": Infinity}',
    b'{"access_keys": {"x": {"secret": null}}}',
)


def operations() -> Iterator[Tuple[str, str, Dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Settings())


def send(emulator: Emulator, method: str, path: str, body: bytes = b"", **headers: str) -> Tuple[int, Any]:
    name, _mark, query = path.partition("?")
    fields = {"method": method.upper(), "path": name, "query": query, "headers": {"host": "127.0.0.1:8101", **headers}}
    known = {key: fields.get(key) for key in Request._fields}
    status, data = emulator.admin.respond(Request(**known), body)  # type: ignore[arg-type]
    return status, json.loads(json.dumps(data))


def test_paths_and_methods_are_those_of_the_code(emulator: Emulator) -> None:
    described: Dict[str, Any] = {}
    for path, method, _operation in operations():
        described.setdefault(path[1:].replace("{id}", "*"), []).append(method.upper())
    assert {path: sorted(methods) for path, methods in described.items()} == emulator.admin.routes()
    assert len({operation["operationId"] for _path, _method, operation in operations()}) == len(list(operations()))


def test_schemas_have_the_keys_of_the_code() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name, keys in (("Settings", fields.FIELDS), ("Switches", SWITCHES), ("Control", settings.KEYS)):
        assert list(schemas[name]["properties"]) == list(keys)
    for name, keys in (
        ("Interface", fields.INTERFACE),
        ("Disk", fields.DISK),
        ("Role", fields.ROLE),
        ("Spot", fields.SPOT),
    ):
        assert list(schemas[name]["properties"]) == list(keys)
    for name, module in (("Fault", faults), ("ControlFault", control_faults)):
        kinds = {it["properties"]["kind"]["const"]: list(it["properties"]) for it in schemas[name]["oneOf"]}
        assert kinds == {kind: [*module.COMMON, *own] for kind, (own, _meaning) in module.KINDS.items()}


def test_each_example_is_accepted_and_requests_of_other_sites_are_not(emulator: Emulator) -> None:
    send(emulator, "POST", "/instances", b'{"instance_id": "i-test"}')
    for path, method, operation in operations():
        example = operation.get("requestBody", {"content": {"application/json": {"example": None}}})
        body = example["content"]["application/json"]["example"]
        path = path.replace("{id}", "i-test")
        status, data = send(emulator, method, path, json.dumps(body).encode() if body else b"")
        assert status == 200, (path, method, data)
        if (method, path) == ("delete", "/instances/i-test"):
            send(emulator, "POST", "/instances", b'{"instance_id": "i-test"}')
        refused, data = send(emulator, method, path, host="example.com")
        assert (refused, list(data)) == (403, ["error"]) and "403" in operation["responses"]


def test_entries_of_the_journal_have_the_described_keys() -> None:
    """A request, one that is not HTTP, and a call of the control plane, which has the keys of Call too."""
    schemas = DOCUMENT["components"]["schemas"]
    with LocalEmulator() as emulator:
        ask(emulator.address, "/")
        exchange(emulator.address, b"\x16\x03\x01")
        ask(emulator.control_url[7:], "/?Action=DescribeRegions")
        entries, (call,) = emulator.journal(), emulator.calls()
        health = emulator._emulator().admin.respond(Request("GET", "/health", None, "1.1", {"host": "127.0.0.1"}), b"")[
            1
        ]
    assert [entry["mode"] for entry in entries] == ["normal_mode", "unparsable", "api"]
    known = schemas["Request"]["properties"]
    modes = known["mode"]["enum"]
    for entry in entries:
        assert set(schemas["Request"]["required"]) == set(known)
        assert set(entry) - set(known) == (CALL if entry["mode"] == "api" else set()) and entry["mode"] in modes
        assert set(entry) >= set(known)
    assert set(call) == set(schemas["Call"]["required"]) == set(schemas["Call"]["properties"])
    assert set(health) == set(schemas["Health"]["required"]) == set(schemas["Health"]["properties"])


def test_patterns_are_those_of_the_code() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Interface"]["properties"]["mac"]["pattern"] == "^%s$" % fields.MAC.pattern
    paths = {it["properties"]["path"]["pattern"] for it in schemas["Fault"]["oneOf"]}
    assert paths == {"^%s$" % faults.PATTERN.pattern}


def test_malformed_requests_have_documented_errors_and_change_nothing(emulator: Emulator) -> None:
    send(emulator, "POST", "/instances", b'{"instance_id": "i-test"}')
    reads = ("/instances", "/switches", "/control", "/clock")

    def seen() -> Any:
        states = [send(emulator, "GET", path) for path in reads]
        return [{key: value for key, value in data.items() if key != "now"} for _status, data in states]

    before = seen()
    changing = [it for it in operations() if it[1] in ("post", "put", "patch")]
    for (path, method, operation), body in itertools.product(changing, MALFORMED):
        status, data = send(emulator, method, path.replace("{id}", "i-test"), body)
        assert str(status) in operation["responses"] and status != 200, (method, path, body[:50], data)
        assert isinstance(data["error"], str)
    assert seen() == before
    for method, path, status in (
        ("GET", "/nonsense", 404),
        ("GET", "/instances/none", 404),
        ("GET", "/instances/i-test/none", 404),
        ("PUT", "/clock", 405),
        ("GET", "/journal?after=-1", 400),
        ("GET", "/journal?after=%C2%B2", 400),
        ("GET", "/calls?after=" + "9" * 5000, 400),
    ):
        assert send(emulator, method, path)[0] == status, path


def test_the_guide_lists_each_request() -> None:
    checkout = Path(__file__).resolve().parents[6]
    guide = (checkout / "docs/docsite/rst/emulator_admin_api.rst").read_text(encoding="utf-8")
    rows = re.findall(r"   \* - ``([A-Z]+ /\S*)``\n     - (.*)\n", guide)
    assert rows == [("%s %s" % (method.upper(), path), it["summary"]) for path, method, it in operations()]


def test_the_version_is_that_of_the_collection() -> None:
    galaxy = (Path(__file__).resolve().parents[6] / "galaxy.yml").read_text(encoding="utf-8")
    assert "\nversion: %s\n" % __version__ in galaxy

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verification of the identity of each host, by method; duplicate claims; reasons of refusals."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.filter.hardening import FilterModule
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening._identity import Unavailable, identities
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening._names import audience

from .._identity.documents import certificate, document
from .runs import probe, settings

__all__ = ["certificate"]  # a fixture
NONCE = "0f" * 16
Given = dict[str, Any]


def host(
    name: str, claim: str | None = None, signed: str | None = None, given: Given | None = None, **more: Any
) -> Given:
    """Return the variables of a host that claims an instance; *signed* is the instance of its document."""
    ids = {"instance_id": claim, "region_id": "cn-hangzhou"} if claim else None
    seen = probe(instance=ids, signed_identity=signed)
    steps = {"settings": settings(**(given or {})), "probe": seen, "nonce": NONCE}
    variables = {"inventory_hostname": name, "ansible_host": "10.0.0.9", **more}
    return {**variables, **{"__hardening_" + key: value for key, value in steps.items()}}


def verify(pkcs7: Any, wanted: str, _certificate: str) -> dict[str, str]:
    """Accept documents of the form INSTANCE@AUDIENCE."""
    instance_id, _at, given = pkcs7.partition("@")
    if instance_id == "no-openssl":
        raise Unavailable("No openssl.")
    if given != wanted:
        raise ValueError("It was requested for another audience.")
    return {"instance-id": instance_id, "region-id": "cn-beijing", "private-ipv4": "10.0.0.1"}


def resolve(name: str) -> list[str]:
    return {"10.0.0.9": ["10.0.0.9"], "web1.example": ["10.0.0.7", "fd00::7"]}.get(name, [])


def identify(*hosts: Given) -> dict[str, Any]:
    return identities(hosts, verify, resolve)


def signed(instance_id: str, name: str = "web1") -> str:
    return instance_id + "@" + audience(NONCE, name)


def test_auto_uses_the_signed_document_and_not_the_claim() -> None:
    found = identify(host("web1", "i-other", signed("i-1")))["web1"]
    assert found == {
        "method": "signed",
        "note": None,
        "instance_id": "i-1",
        "region_id": "cn-beijing",
        "addresses": ["10.0.0.1"],
        "problem": None,
    }


@pytest.mark.parametrize("method", ["auto", "signed"])
def test_a_refused_document_is_not_replaced_by_another_method(method: str) -> None:
    stated = {"instance_id": "i-1", "region_id": "cn-hangzhou", "identity": method}
    for given in ({"identity": method}, stated):
        found = identify(host("web1", "i-1", "i-1@an-earlier-run", given))["web1"]
        assert "signed identity document was refused. It was requested for another audience." in found["problem"]
    other = identify(host("web1", "i-1", signed("i-1", "web2"), stated))["web1"]
    assert "another audience" in other["problem"], "a document for another host of the same run"


@pytest.mark.parametrize(
    ("given", "more", "method", "addresses"),
    [
        ({}, {}, "address", ["10.0.0.9"]),
        ({"identity": "address"}, {}, "address", ["10.0.0.9"]),
        ({}, {"ansible_host": "web1.example"}, "address", ["10.0.0.7", "fd00::7"]),
        ({}, {"ansible_connection": "ansible.netcommon.libssh"}, "address", ["10.0.0.9"]),
        ({"instance_id": "i-1", "region_id": "cn-hangzhou"}, {}, "stated", []),
        ({"instance_id": "i-1"}, {}, "stated", []),
        ({"identity": "stated", "instance_id": "i-1"}, {"ansible_connection": "local"}, "stated", []),
        ({"identity": "trust"}, {"ansible_connection": "local"}, "trust", []),
    ],
)
def test_the_method_without_a_signed_document(given: Given, more: Given, method: str, addresses: list[str]) -> None:
    found = identify(host("web1", "i-1", None, given, **more))["web1"]
    assert (found["problem"], found["method"], found["addresses"]) == (None, method, addresses)
    assert found["instance_id"] == "i-1"


def test_a_controller_without_openssl_uses_the_next_method_and_says_so() -> None:
    found = identify(host("web1", "i-1", "no-openssl"))["web1"]
    assert (found["method"], found["note"]) == ("address", "No openssl.")
    strict = identify(host("web1", "i-1", "no-openssl", {"identity": "signed"}))["web1"]
    assert "No openssl. Or set hardening_identity." in strict["problem"]


@pytest.mark.parametrize(
    ("given", "claim", "more", "reason"),
    [
        ({"identity": "signed"}, "i-1", {}, "returned no signed identity document"),
        ({"identity": "stated"}, "i-1", {}, "there is no hardening_instance_id"),
        ({}, "i-1", {"ansible_connection": "local"}, "its connection local has no address"),
        ({}, "i-1", {"ansible_host": "unknown"}, "the name unknown has no IP address"),
        ({}, None, {}, "did not return valid IDs. Set hardening_instance_id"),
        ({}, "i-1\x1b]0;x\x07", {}, "did not return valid IDs"),
        ({}, "i-" + "1" * 65, {}, "did not return valid IDs"),
        ({"identity": "trust"}, "web1", {}, "did not return valid IDs"),
        ({"instance_id": "web1"}, "i-1", {}, "hardening_instance_id is not a valid ID: 'web1'"),
        ({"instance_id": "i-1", "region_id": "CN"}, "i-1", {}, "hardening_region_id is not a valid ID"),
        ({"instance_id": "i-1"}, None, {}, "did not return valid IDs"),
        (
            {"instance_id": "i-1", "region_id": "cn-hangzhou", "identity": "address"},
            None,
            {"ansible_connection": "local"},
            "its connection local has no address",
        ),
    ],
)
def test_the_reason_why_a_host_cannot_be_identified(given: Given, claim: str | None, more: Given, reason: str) -> None:
    found = identify(host("web1", claim, None, given, **more))["web1"]
    assert found["problem"].startswith("Cannot identify the ECS instance of web1: ") and reason in found["problem"]
    assert "instance_id" not in found


def test_the_address_is_compared_also_if_the_host_claims_no_instance() -> None:
    given = {"instance_id": "i-1", "region_id": "cn-hangzhou", "identity": "address"}
    found = identify(host("web1", None, None, given))["web1"]
    assert (found["method"], found["addresses"]) == ("address", ["10.0.0.9"])


def test_a_document_of_another_instance_than_the_stated_one_is_refused() -> None:
    for given in ({"instance_id": "i-2"}, {"region_id": "cn-hangzhou"}):
        problem = identify(host("web1", "i-1", signed("i-1"), given))["web1"]["problem"]
        assert "but the signed identity document is that of" in problem


def test_all_claimants_of_an_instance_are_refused_and_no_other_host() -> None:
    by_address = {"identity": "address"}
    found = identify(host("a", "i-1", given=by_address), host("b", "i-1", given=by_address), host("c", "i-3"))
    assert "b claims the instance i-1 as well" in found["a"]["problem"]
    assert "a claims the instance i-1 as well" in found["b"]["problem"]
    assert found["c"]["problem"] is None
    twice = identify(host("a", "i-1", signed("i-1", "a")), host("b", "i-1", signed("i-1", "b")))
    assert twice["a"]["problem"] and twice["b"]["problem"], "one instance has two names in the inventory"


def test_an_unproven_claim_does_not_refuse_a_proven_one() -> None:
    found = identify(host("evil", "i-1"), host("good", "i-1", signed("i-1", "good")), host("liar", "i-1", "i-1@old"))
    assert found["good"]["problem"] is None
    assert "good claims the instance i-1 as well" not in (found["liar"]["problem"] or "")
    assert found["evil"]["problem"] and found["liar"]["problem"]


def test_hosts_whose_files_differ_only_in_case_are_refused() -> None:
    found = identify(host("Web1", "i-1"), host("web1", "i-2"), host("web2", "i-3"))
    assert "would be one file where case is ignored" in found["Web1"]["problem"]
    assert found["web1"]["problem"] and not found["web2"]["problem"]


def test_hosts_without_a_change_of_options_have_no_identity() -> None:
    off = host("web1", "i-1", given={"enforce": "no"})
    disabled = {
        **host("web2", None, given={"access": "disabled"}),
        "__hardening_probe": probe("disabled", instance=None),
    }
    failed = {**host("web3", "i-1"), "__hardening_probe": {"failed": True, "msg": "x"}}
    assert identify(off, disabled, failed, {"inventory_hostname": "web4", "__hardening_nonce": NONCE}) == {}


def test_the_filter_verifies_with_openssl(certificate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALICLOUD_IMDS_IDENTITY_CERTIFICATE", certificate)
    call = FilterModule().filters()["hardening_identities"]
    good = document(audience(NONCE, "web1"), instance_id="i-1")
    found = call([host("web1", "i-9", good), host("web2", "i-1", good), host("web3", "i-3", ansible_host="127.0.0.1")])
    assert (found["web1"]["method"], found["web1"]["instance_id"]) == ("signed", "i-1")
    assert "requested for another audience" in found["web2"]["problem"]
    assert (found["web3"]["method"], found["web3"]["addresses"]) == ("address", ["127.0.0.1"])
    monkeypatch.setenv("ALICLOUD_IMDS_IDENTITY_CERTIFICATE", "/none.pem")
    (note,) = {it["note"] for it in call([host("web1", "i-1", good)]).values()}
    assert note.startswith("Cannot read the certificate /none.pem")

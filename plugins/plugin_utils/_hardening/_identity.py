# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify which instance each host of a batch is, before its ID is used. Pure functions.

A host can answer anything: the user root of a host can redirect the address of the metadata service and claim the ID of another host's
instance. So its claim is used only after a verification.
"""

from __future__ import annotations

import typing as t

from ._decisions import Result, is_disabled, probe_failed, step
from ._ids import PATTERNS, valid
from ._names import audience, record_name

PREFIX, _STEPS = "__hardening_", ("settings", "probe", "nonce")
_VERIFIED = ("signed", "stated")
_BY_ADDRESS = frozenset(("ssh", "smart", "paramiko", "paramiko_ssh", "libssh"))
STATE_IT = "Set hardening_instance_id and hardening_region_id in the inventory."
_NO_CLAIM = "its metadata service is disabled or did not return valid IDs."

Identity = t.Dict[str, t.Any]
#: Returns the members of a signed document for an audience; raises ValueError for a document that is refused.
Verify = t.Callable[[t.Any, str, str], t.Mapping[str, str]]
#: Returns the IP addresses of a name.
Resolve = t.Callable[[str], t.List[str]]


class CannotIdentify(Exception):
    """The identity of a host is not verified; the message has the reason."""


class Unavailable(Exception):
    """The controller cannot verify signatures; the message has the reason."""


def identities(hosts: t.Sequence[Result], verify: Verify, resolve: Resolve) -> t.Dict[str, Identity]:
    """Return the identity of each host whose options are to be set, by name, from the variables of the hosts of a batch.

    An identity has ``method``, ``note`` (why no stricter method was used), ``instance_id``, ``region_id``, ``addresses`` (one of them must
    be in the API's description of the instance) and ``problem``, the reason for which it must not be used, or None.
    """
    found: t.Dict[str, Identity] = {}
    for host in hosts:
        run = {name: host.get(PREFIX + name) for name in _STEPS}
        if not step(run, "settings") or not _takes_part(run):
            continue
        name = host["inventory_hostname"]
        try:
            found[name] = {**_identify(host, run, verify, resolve), "problem": None}
        except CannotIdentify as exc:
            found[name] = {"problem": "Cannot identify the ECS instance of %s: %s" % (name, exc)}
    _refuse_duplicates(found)
    _refuse_shared_files(found)
    return found


def _takes_part(run: Result) -> bool:
    return bool(step(run, "settings")["enforce"]) and not probe_failed(run) and not is_disabled(run)


def _identify(host: Result, run: Result, verify: Verify, resolve: Resolve) -> Identity:
    chosen = step(run, "settings")
    method, stated = chosen["identity"], _stated(chosen)
    claimed = valid(step(run, "probe").get("instance"))
    note = None
    if method in ("auto", "signed"):
        try:
            return _signed(host, run, verify)
        except Unavailable as exc:
            note = str(exc)
            if method == "signed":
                raise CannotIdentify("%s Or set hardening_identity." % note) from exc
    if method in ("auto", "stated") and stated.get("instance_id"):
        return _known("stated", {**claimed, **stated}, [], note)
    if method == "stated":
        raise CannotIdentify("hardening_identity is stated, but there is no hardening_instance_id. " + STATE_IT)
    if method == "trust":
        return _known("trust", {**claimed, **stated}, [], "Nothing was verified.")
    ids = {**claimed, **stated}
    return _known("address", ids, _addresses(host, resolve) if "instance_id" in ids else [], note)


def _stated(chosen: Result) -> t.Dict[str, str]:
    stated = {name: chosen[name] for name in ("instance_id", "region_id") if chosen[name]}
    for name, value in stated.items():
        if not PATTERNS[name].match(value):
            raise CannotIdentify("hardening_%s is not a valid ID: %r." % (name, value[:80]))
    return stated


def _known(method: str, ids: t.Mapping[str, str], addresses: t.Sequence[str], note: t.Optional[str]) -> Identity:
    if not (ids.get("instance_id") and ids.get("region_id")):
        raise CannotIdentify("%s %s" % (_NO_CLAIM, STATE_IT))
    return {"method": method, "note": note, **ids, "addresses": list(addresses)}


def _signed(host: Result, run: Result, verify: Verify) -> Identity:
    chosen, name = step(run, "settings"), host["inventory_hostname"]
    pkcs7 = step(run, "probe").get("signed_identity")
    if not pkcs7:
        raise Unavailable("The metadata service returned no signed identity document.")
    nonce = run.get("nonce")
    if not nonce:
        raise CannotIdentify("the run has no nonce.")
    try:
        document = verify(pkcs7, audience(nonce, name), chosen["identity_certificate"])
    except ValueError as exc:
        raise CannotIdentify("its signed identity document was refused. %s" % exc) from exc
    ids = valid({"instance_id": document["instance-id"], "region_id": document.get("region-id")})
    if not ids:
        raise CannotIdentify("its signed identity document has invalid IDs.")
    for key, value in _stated(chosen).items():
        if value != ids[key]:
            text = "hardening_%s is %s, but the signed identity document is that of %s."
            raise CannotIdentify(text % (key, value, ids[key]))
    address = document.get("private-ipv4")
    return _known("signed", ids, [address] if address else [], None)


def _addresses(host: Result, resolve: Resolve) -> t.List[str]:
    """Return the addresses that Ansible connected to."""
    connection = str(host.get("ansible_connection") or "ssh").rpartition(".")[2]
    if connection not in _BY_ADDRESS:
        raise CannotIdentify("its connection %s has no address to compare with the API. %s" % (connection, STATE_IT))
    name = str(host.get("ansible_host") or host.get("ansible_ssh_host") or host["inventory_hostname"])
    found = resolve(name)
    if not found:
        raise CannotIdentify("the name %s has no IP address to compare with the API. %s" % (name, STATE_IT))
    return found


def _refuse_duplicates(found: t.Dict[str, Identity]) -> None:
    """Refuse all claimants of an instance. A claim that is not verified yet does not count against a verified one."""
    claims: t.Dict[str, t.List[str]] = {}
    for name, identity in found.items():
        if identity["problem"] is None:
            claims.setdefault(identity["instance_id"], []).append(name)
    for instance_id, names in claims.items():
        verified = [name for name in names if found[name]["method"] in _VERIFIED]
        refused = [name for name in names if name not in verified] if len(verified) == 1 else names
        for name in refused if len(names) > 1 else ():
            others = ", ".join(it for it in names if it != name)
            found[name]["problem"] = (
                "Cannot identify the ECS instance of %s: %s claims the instance %s as well. Remove one of them from the inventory, or find"
                " out which host is not that instance." % (name, others, instance_id)
            )


def _refuse_shared_files(found: t.Dict[str, Identity]) -> None:
    """Refuse hosts whose records would be one file in a file system that ignores case."""
    by_file: t.Dict[str, t.List[str]] = {}
    for name in found:
        by_file.setdefault(record_name(name).lower(), []).append(name)
    for names in by_file.values():
        for name in names if len(names) > 1 else ():
            if found[name]["problem"] is None:
                found[name]["problem"] = (
                    "The records of the hosts %s would be one file where case is ignored. Rename one of them in the inventory."
                    % " and ".join(names)
                )

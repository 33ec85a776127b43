# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name the files of hosts in the record of metadata options, and the audience of their documents. Pure functions."""

from __future__ import annotations

import collections
import hashlib
import re
import typing as t
from urllib.parse import quote

_LONGEST = 200  # characters; file systems allow 255 bytes with the extension
_STATED = "hardening_instance_id"


def record_name(host: str) -> str:
    """Return the name of the host's file in the record, without ``.json``. Different hosts have different names.

    Characters other than letters, digits and ``-._~`` are percent-encoded. A long name ends in a digest.
    """
    name = quote(host, safe="")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) <= _LONGEST:
        return name
    return "%s%%~%s" % (name[: _LONGEST - 66], hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest())


def record_names(hosts: t.Iterable[str]) -> t.List[str]:
    """Return the names of the files of these hosts in the record."""
    return [record_name(host) for host in hosts]


def earlier_name(host: str) -> str:
    """Return the name that versions before 1.0.0 used. Different hosts may have the same one."""
    return re.sub(r"^[.]", "_", re.sub(r"[^A-Za-z0-9._-]", "_", host))


def earlier_records(
    hosts: t.Sequence[t.Mapping[str, t.Any]], inventory: t.Iterable[str]
) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Return the option ``record_earlier`` of metadata_options for the variables of *hosts*.

    If several hosts of the *inventory* had the same name, only the instance that the inventory states for a host is its own.
    """
    users = collections.Counter(map(earlier_name, inventory))
    found: t.Dict[str, t.Dict[str, t.Any]] = {}
    for host in hosts:
        name = earlier_name(host["inventory_hostname"])
        earlier: t.Dict[str, t.Any] = {"name": name}
        if users[name] > 1:
            # A fact is what the host states. It is no entry of the inventory, but Ansible prefers it.
            stated = None if _STATED in (host.get("ansible_facts") or ()) else host.get(_STATED)
            earlier["instance_ids"] = [str(stated)] if stated else []
        found[record_name(host["inventory_hostname"])] = earlier
    return found


def audience(nonce: str, host: str) -> str:
    """Return the audience of a host's signed document in this run: unpredictable, and another one for each host."""
    return "alicloud-imds-%s-%s" % (nonce, hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:32])

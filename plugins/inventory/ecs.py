# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecs
short_description: List ECS instances, grouped by their metadata options
version_added: 1.0.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Lists the ECS instances of one or more accounts in some or all regions through the ECS API. Changes nothing.
  - The name of the inventory source must end with C(imds.yml) or C(imds.yaml).
  - Each host is in one of the groups C(imds_optional) (accepts normal-mode requests), C(imds_required) (requires tokens, which is security
    hardening mode, formerly security-enhanced mode, comparable to IMDSv2), C(imds_disabled) (the endpoint is disabled), C(imds_exempt) and
    C(imds_unknown) (the API did not return the options). The groups also exist if they are empty.
  - API calls - one C(DescribeInstances) for each 100 instances of a region, one more for a region without a matching instance, and for each
    account one C(DescribeRegions) with O(regions=all) and one C(AssumeRole) for a role. If O(filters) has tags that 1000 or more
    instances of a region match, all its instances are read again. Retries come on top.
options:
  plugin:
    description:
      - Name of this plugin.
    type: str
    required: true
    choices: [alicloud.imds.ecs]
  regions:
    description:
      - IDs of the regions with the instances, or V(all).
    type: list
    elements: str
    default: [all]
  filters:
    description:
      - Select only instances that match all of these.
    type: dict
    default: {}
    suboptions:
      tags:
        description: All of these tags. A null value matches any value.
        type: dict
      vpc_id:
        description: ID of the VPC.
        type: str
      name:
        description: Name of the instance. V(*) in it matches any characters.
        type: str
      states:
        description: States of the instance, such as V(Running).
        type: list
        elements: str
      http_tokens:
        description: V(optional) or V(required).
        type: str
  exclude:
    description:
      - Omit instances that match any of these.
    type: dict
    default: {}
    suboptions:
      instance_ids:
        description: Instance IDs.
        type: list
        elements: str
      tags:
        description: Any of these tags. A null value matches any value.
        type: dict
      names:
        description: Patterns of names with V(*), V(?) and V([abc]). Uppercase and lowercase letters differ.
        type: list
        elements: str
  exempt:
    description:
      - Instances that are exempt, as a dictionary of instance IDs and reasons.
    type: dict
    default: {}
  assume_role:
    description:
      - RAM roles to assume, one for each account to list. Each item is an ARN, or a dictionary.
      - The credentials of the other options are used to assume the roles.
    type: list
    elements: raw
    default: []
    suboptions:
      role_arn:
        description: ARN of the role.
        type: str
        required: true
      session_name:
        description: Name of the session, which the logs of the account show.
        type: str
        default: alicloud-imds
      external_id:
        description: External ID that the trust policy of the role requires.
        type: str
      duration_seconds:
        description: Lifetime of the credentials, V(900) to V(43200).
        type: int
        default: 3600
  own_account:
    description:
      - Also list the account of the credentials. The default is V(false) with O(assume_role), else V(true).
    type: bool
  hostnames:
    description:
      - Sources of the host name, first choice first - V(name), V(private_ip), V(public_ip), V(ipv6), V(instance_id) and C(tag:KEY).
      - A name is used only if no other instance has it among its choices, and if it consists of letters, digits, V(.), V(-) and V(_),
        is not V(localhost), a group of this plugin or an IP address, and has at most 255 characters. The last choice is always the
        instance ID.
    type: list
    elements: str
    default: [name]
  addresses:
    description:
      - Sources of C(ansible_host), first choice first - V(private_ip), V(public_ip) and V(ipv6). An empty list does not set it.
    type: list
    elements: str
    default: [private_ip, ipv6]
  on_region_error:
    description:
      - What to do if an account or a region cannot be listed. With V(fail), the inventory source has no hosts. With V(warn), it has
        those of the other accounts and regions, and is not stored in the cache; it fails if nothing can be listed.
    type: str
    choices: [fail, warn]
    default: fail
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.empty_options
  - constructed
  - inventory_cache
notes:
  - Needs the RAM action C(ecs:DescribeInstances), for O(regions=all) also C(ecs:DescribeRegions), and for O(assume_role) also
    C(sts:AssumeRole).
  - Host variables are the dictionaries C(ecs) and C(imds). The guide
    L(Inventory,https://github.com/alicloud-imds/alicloud.imds/blob/main/docs/docsite/rst/inventory.rst) lists their keys and types.
  - Names and tags are never evaluated as templates.
  - Everyone with permission to set tags can choose the groups that O(keyed_groups) derives from them. Set a prefix, so that they
    differ from other groups.
  - Ansible only warns about an inventory source that fails. Set E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true) to fail instead.
seealso:
  - module: alicloud.imds.metadata_options_info
    description: Reads the same options in a task.
"""

EXAMPLES = r"""
# fleet.imds.yml. The first two lines list all instances in all regions; the other options are examples.
plugin: alicloud.imds.ecs
regions: [all]

# Running instances of production that accept normal-mode requests, without build hosts and instances with the tag imds_exclude
filters:
  tags:
    stage: production
  states: [Running]
  http_tokens: optional
exclude:
  names: ["build-*"]
  tags:
    imds_exclude:

# Two accounts
assume_role:
  - acs:ram::1234567890123456:role/audit
  - role_arn: acs:ram::6543210987654321:role/audit
    external_id: fleet
on_region_error: warn

# Host names from a tag, and groups by region and by the value of a tag
hostnames: ["tag:fqdn", name]
keyed_groups:
  - key: ecs.region_id
    prefix: region
  - key: ecs.tags.team
    prefix: team
compose:
  ansible_user: "'ecs-user'"
groups:
  can_be_hardened: imds.verdict == 'optional' and ecs.status == 'Running'

# Keep the result for 10 minutes
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/imds-inventory
cache_timeout: 600
"""

import hashlib
import json
import typing as t

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import make_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._requests import IMPORT_ERROR
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory import _options
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory._fetch import fetch
from ansible_collections.alicloud.imds.plugins.plugin_utils._inventory._hosts import GROUPS, Row, address, host_names
from ansible_collections.alicloud.imds.plugins.plugin_utils._untrusted import untrusted

if t.TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader
    from ansible_collections.alicloud.imds.plugins.module_utils._openapi._assume_role import Role
    from ansible_collections.alicloud.imds.plugins.module_utils._openapi._ecs import Ecs

# Options that do not change what the API returns, and secrets.
_NOT_IN_KEY = {"access_key_secret", "security_token", "hostnames", "addresses", "on_region_error", "max_concurrency"}
_OF_CORE = {
    "compose", "groups", "keyed_groups", "leading_separator", "strict", "use_extra_vars",
    "cache", "cache_connection", "cache_plugin", "cache_prefix", "cache_timeout",
    "api_timeout", "api_deadline", "api_retries", "ca_bundle",
}  # fmt: skip


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "alicloud.imds.ecs"

    def verify_file(self, path: str) -> bool:
        if not super().verify_file(path):
            return False
        named = path.endswith(("imds.yml", "imds.yaml"))
        if not named and path.endswith((".yml", ".yaml")) and _options.names_plugin(path, self.NAME):
            self.display.warning(
                "Rename %s: the name of a file for %s must end in imds.yml or imds.yaml." % (path, self.NAME)
            )
        return named

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        try:
            _options.check_names(self.option_definitions, config)
            naming = _options.naming(self.get_option)
            rows = self._rows(_options.request(self.get_option), path, cache)
        except (ApiError, ValueError) as exc:
            raise AnsibleParserError(str(exc)) from exc
        for group in GROUPS.values():
            inventory.add_group(group)
        for name, row in sorted(zip(host_names(rows, naming), rows), key=lambda host: host[0]):
            self._add(name, row, address(row, naming))

    def _rows(self, request: _options.Request, path: str, cache: bool) -> list[Row]:
        """Return the instances from the cache or, if it has none or is to be refreshed, from the API."""
        if not self.get_option("cache"):
            return self._read(request)[0]
        key = self._key(path)
        if cache:
            try:
                return _loaded(self._cache[key])
            except (KeyError, TypeError, ValueError):
                pass
        rows, is_complete = self._read(request)
        if is_complete:
            # As text: cache plugins give a meaning to some keys of dictionaries, and a tag may have such a key.
            self._cache[key] = {"instances": json.dumps(rows)}
        return rows

    def _key(self, path: str) -> str:
        """Return the key in the cache: other options have another one."""
        names = sorted(set(self.option_definitions) - _NOT_IN_KEY - _OF_CORE)
        options = json.dumps([[name, self.get_option(name)] for name in names], default=str, sort_keys=True)
        return "%s_%s" % (self.get_cache_key(path), hashlib.sha256(options.encode("utf-8")).hexdigest()[:16])

    def _read(self, request: _options.Request) -> tuple[list[Row], bool]:
        """Return the instances, and whether all accounts and regions could be listed."""
        if IMPORT_ERROR is not None:
            raise ValueError(
                "The Python library requests is missing. Install requests 2.28 or later for %s." % self.NAME
            )

        warnings: dict[str, None] = {}

        def open_api(role: Role | None, connections: int) -> Ecs:
            api = make_api(self.get_option, connections, role=role)
            warnings.update(dict.fromkeys(api.warnings))
            return api

        fetched = fetch(request, open_api)
        for warning in warnings:
            self.display.warning(warning)
        if fetched.problem is not None:
            if self.get_option("on_region_error") == "fail" or not fetched.any_succeeded:
                raise ValueError(fetched.problem)
            self.display.warning(fetched.problem)
        return fetched.rows, fetched.problem is None

    def _add(self, name: str, row: Row, host: str | None) -> None:
        inventory, strict = self.inventory, self.get_option("strict")
        inventory.add_host(name, GROUPS[row["imds"]["verdict"]])
        for key, value in row.items():
            inventory.set_variable(name, key, untrusted(value))
        if host is not None:
            inventory.set_variable(name, "ansible_host", untrusted(host))
        variables = inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, name, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict)


def _loaded(cached: t.Any) -> list[Row]:
    """Return the instances in the cache; raise TypeError, KeyError or ValueError if they are damaged."""
    rows = json.loads(cached["instances"])
    if any(row["imds"]["verdict"] not in GROUPS or not row["ecs"]["instance_id"] for row in rows):
        raise ValueError("an unknown verdict")
    return t.cast("list[Row]", rows)

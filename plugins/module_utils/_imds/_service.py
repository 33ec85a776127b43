# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, paths, header names and versions of the ECS instance metadata service.

No other code of the collection spells these out. Source: Alibaba Cloud, "View instance metadata".
"""

ADDRESS = "100.100.100.200"
ADDRESS_IPV6 = "fd00:100::100:200"
PORT = 80
DEFAULT_ENDPOINT = "http://" + ADDRESS

LATEST = "latest"
VERSIONS = (LATEST, "2016-01-01")
ROOT = "/" + LATEST + "/"
META_DATA = ROOT + "meta-data/"
INSTANCE_ID = META_DATA + "instance-id"

TOKEN = "api/token"
TOKEN_PATH = ROOT + TOKEN
TOKEN_HEADER = "X-aliyun-ecs-metadata-token"
TTL_HEADER = TOKEN_HEADER + "-ttl-seconds"
LONGEST_TTL = 21600  # seconds

# Below META_DATA: a listing with the name of the instance's RAM role, and below that its temporary keys.
ROLE_CREDENTIALS = "ram/security-credentials/"
ROLES_PATH = META_DATA + ROLE_CREDENTIALS

# The User-Agent of the probe's one normal-mode request: the callers watch tells it from requests that need attention.
PROBE_AGENT = "alicloud-imds-probe"

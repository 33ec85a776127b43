# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, paths, header names and versions of the ECS instance metadata service (IMDS).

No other file of the collection contains these literals. Source: Alibaba Cloud, "View instance metadata".
"""

ADDRESS = "100.100.100.200"
ADDRESS_IPV6 = "fd00:100::100:200"
PORT = 80
# Both addresses are the same service. The second one is used if the first is unreachable.
ADDRESSES = (ADDRESS, ADDRESS_IPV6)
ENDPOINTS = ("http://" + ADDRESS, "http://[%s]" % ADDRESS_IPV6)

LATEST = "latest"
VERSIONS = (LATEST, "2016-01-01")
ROOT = "/" + LATEST + "/"
META_DATA = ROOT + "meta-data/"
INSTANCE_ID = META_DATA + "instance-id"
# The instance identity document with its PKCS#7 signature; the query may have an audience.
SIGNED_IDENTITY = ROOT + "dynamic/instance-identity/pkcs7"

TOKEN = "api/token"
TOKEN_PATH = ROOT + TOKEN
TOKEN_HEADER = "X-aliyun-ecs-metadata-token"
TTL_HEADER = TOKEN_HEADER + "-ttl-seconds"
LONGEST_TTL = 21600  # seconds

# Relative to META_DATA: lists the name of the instance's RAM role; the item of that name holds the temporary keys.
ROLE_CREDENTIALS = "ram/security-credentials/"
ROLES_PATH = META_DATA + ROLE_CREDENTIALS

# User-Agent of the probe's one normal-mode request. The callers watch excuses it only with a record (_common/_probe_log.py).
PROBE_AGENT = "alicloud-imds-probe"

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # what the options mean
    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - The only address of the metadata service to use, V(http://HOST) or V(http://HOST:PORT).
      - By default, both addresses of the service of an ECS instance are used. V(http://100.100.100.200) is tried first, and
        V(http://[fd00:100::100:200]) if that is unreachable, as on an instance without IPv4. Both share O(timeout) and O(deadline).
      - Set it only to use an emulator, such as the one that the role P(alicloud.imds.emulator#role) installs.
      - Proxy settings of the environment are ignored, and redirects are not followed.
    type: str
  timeout:
    description:
      - Time limit in seconds for one request, from connecting to the last byte of the reply.
      - It must be greater than V(0) and at most V(3600).
    type: float
    default: 2.0
  deadline:
    description:
      - Time limit in seconds for the whole operation, including retries and the pauses between them.
      - It must be greater than V(0) and at most V(3600).
    type: float
    default: 15.0
  token_ttl:
    description:
      - Lifetime of the token in seconds, V(1) to V(21600).
      - A token is renewed before it expires, so the lifetime may be shorter than the operation.
    type: int
    default: 300
  retries:
    description:
      - Number of retries, V(0) to V(20), after throttling (status 429), a server error (5xx) or a lost connection.
      - The pause before a retry doubles each time, up to two seconds, and is partly random. A C(Retry-After) header is
        respected.
      - Requests that were refused or whose item does not exist (400, 403, 404) are not retried.
    type: int
    default: 3
"""

    # where a plugin on the controller may take them from besides
    CONTROLLER = r"""
options:
  endpoint:
    env:
      - name: ALICLOUD_IMDS_ENDPOINT
    ini:
      - section: alicloud_imds
        key: endpoint
    vars:
      - name: alicloud_imds_endpoint
  timeout:
    env:
      - name: ALICLOUD_IMDS_TIMEOUT
    ini:
      - section: alicloud_imds
        key: timeout
    vars:
      - name: alicloud_imds_timeout
  deadline:
    env:
      - name: ALICLOUD_IMDS_DEADLINE
    ini:
      - section: alicloud_imds
        key: deadline
    vars:
      - name: alicloud_imds_deadline
  token_ttl:
    env:
      - name: ALICLOUD_IMDS_TOKEN_TTL
    ini:
      - section: alicloud_imds
        key: token_ttl
    vars:
      - name: alicloud_imds_token_ttl
  retries:
    env:
      - name: ALICLOUD_IMDS_RETRIES
    ini:
      - section: alicloud_imds
        key: retries
    vars:
      - name: alicloud_imds_retries
"""

    ENCODING = r"""
options:
  encoding:
    description:
      - How to return the bytes of a value. V(text) fails if they are not UTF-8.
      - V(base64) returns them Base64-encoded, for example for binary user data.
    type: str
    choices: [text, base64]
    default: text
"""

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
      - Where the metadata service is, V(http://HOST) or V(http://HOST:PORT).
      - The service itself is only at the default. Another value is for an emulator, such as the one that the role
        P(alicloud.imds.emulator#role) installs.
      - No proxy is ever used, whatever the environment says, and no redirect is followed.
    type: str
    default: http://100.100.100.200
  timeout:
    description:
      - Seconds to wait for one answer, from connecting to its last byte.
    type: float
    default: 2.0
  deadline:
    description:
      - Seconds that the whole operation may take, all tries and pauses included.
    type: float
    default: 15.0
  token_ttl:
    description:
      - Lifetime in seconds to request for the token, V(1) to V(21600).
      - A token that comes near its end is renewed, so this need not be as long as the operation.
    type: int
    default: 300
  retries:
    description:
      - How often a request is sent again after it was throttled (429), the service failed (5xx) or the connection was lost.
      - Between tries there is a pause, about twice as long each time and random to some degree.
      - Refusals and absent items (400, 403, 404) are never asked for again.
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

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories on the host that several packages use."""

# The records of the callers watch, and of the probes of this collection.
STATE_DIRECTORY = "/var/lib/alicloud-imds"

# What `_host` installs, for the command support-bundle, which cannot import it. A test compares these with `_host`.
MANIFEST = "/usr/local/lib/ecs-metadata/manifest.json"
FENCE_RULES = "/etc/alicloud-imds/fence.nft"
FENCE_REPAIRS = "/run/alicloud-imds-fence.repairs"
FENCE_TABLE = "inet alicloud_imds"
UNITS = (
    "alicloud-imds-watch.service",
    "alicloud-imds-fence.service",
    "alicloud-imds-fence-check.service",
    "alicloud-imds-fence-check.timer",
)

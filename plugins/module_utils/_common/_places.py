# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories on the host that several packages use."""

# The records of the callers watch, and of the probes of this collection.
STATE_DIRECTORY = "/var/lib/alicloud-imds"

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Emulate the ECS instance metadata service (IMDS) of Alibaba Cloud for tests. Standard library only."""

#: The version of the collection alicloud.imds that contains this emulator.
__version__ = "1.0.0"

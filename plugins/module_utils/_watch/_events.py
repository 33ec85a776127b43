# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events that the kernel reports about connections, whichever interface reports them."""

import typing as t


class Connect(t.NamedTuple):
    """A process connects. Unknown numbers are 0; ``uid`` is None if the process has ended."""

    cookie: int  # relates the events of one connection
    pid: int
    uid: t.Optional[int]
    cgroup: int
    comm: bytes
    network: int = 0  # inode of the network namespace


class Established(t.NamedTuple):
    """A connection is established. ``source`` and ``port`` are local; ``first`` is the sequence number of its first byte."""

    cookie: int
    source: str
    port: int
    first: t.Optional[int]


class Exec(t.NamedTuple):
    """A process has started a program."""

    pid: int

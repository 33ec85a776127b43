# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the ring buffer to which BPF programs write events.

Its format: https://docs.kernel.org/bpf/ringbuf.html. A page with the reader's position, one with the writer's position, and the data.
"""

import mmap
import os
import struct
import typing as t

from ._bpf_call import MAP_CREATE, Call

RINGBUF_MAP = 27  # BPF_MAP_TYPE_RINGBUF
_BUSY, _DISCARDED, _LENGTH = 1 << 31, 1 << 30, (1 << 30) - 1  # in the header of an event


class Ring:
    """A ring buffer of *size* bytes, which must be a power of two and at least a page."""

    def __init__(self, size: int, call: Call) -> None:
        """Create the buffer. *call* is `_bpf_call.bpf`, or its replacement in tests. Raises OSError."""
        page = mmap.PAGESIZE
        self.descriptor = call(MAP_CREATE, struct.pack("<4I", RINGBUF_MAP, 0, 0, size))
        os.set_inheritable(self.descriptor, False)
        self._mapped: t.List[t.Union[memoryview, mmap.mmap]] = []  # in the order in which they must be closed
        try:
            consumer = mmap.mmap(self.descriptor, page, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            self._mapped.append(consumer)
            # The kernel maps the data twice in a row, so that every event is contiguous.
            self._data = mmap.mmap(self.descriptor, page + 2 * size, prot=mmap.PROT_READ, offset=page)
        except OSError:
            self.close()
            raise
        self._size = size
        self._position = 0
        # The kernel reads and writes these concurrently. A memoryview accesses whole numbers, struct single bytes.
        self._consumed, self._produced = memoryview(consumer).cast("Q"), memoryview(self._data).cast("Q")
        self._headers = memoryview(self._data).cast("I")
        self._mapped = [self._consumed, self._produced, self._headers, consumer, self._data]

    def waiting(self) -> bool:
        """Return whether there are unread events."""
        return self._position < self._produced[0]

    def read(self) -> t.Iterator[bytes]:
        """Yield all events up to now, or up to the first one that a program is still writing. New ones may arrive faster than read."""
        end = self._produced[0]
        while self._position < end:
            start = mmap.PAGESIZE + (self._position & (self._size - 1))
            header = self._headers[start // 4]
            if header & _BUSY:
                return
            length = header & _LENGTH
            event = b"" if header & _DISCARDED else self._data[start + 8 : start + 8 + length]
            self._position += (length + 8 + 7) & ~7
            self._consumed[0] = self._position
            if event:
                yield event

    def close(self) -> None:
        """Unmap the buffer, and close the descriptor."""
        while self._mapped:
            one = self._mapped.pop(0)
            if isinstance(one, memoryview):
                one.release()
            else:
                one.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

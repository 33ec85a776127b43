# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""refuse.py CALL[,CALL...] COMMAND...: run a command to which the kernel refuses some system calls with EPERM, like an old kernel."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

NUMBERS = {
    "x86_64": {"bpf": 321, "mount": 165, "unshare": 272},
    "aarch64": {"bpf": 280, "mount": 40, "unshare": 97},
}[os.uname().machine]
SET_SECCOMP, FILTER, SET_NO_NEW_PRIVS = 22, 2, 38
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EPERM = 0x7FFF0000, 0x00050001

numbers = [NUMBERS[name] for name in sys.argv[1].split(",")]
code = [(LOAD, 0, 0, 0)]  # the number of the system call
for number in numbers:
    code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
code.append((RETURN, 0, 0, ALLOW))
program = b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
buffer = ctypes.create_string_buffer(program, len(program))
filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(buffer)))
library = ctypes.CDLL(None, use_errno=True)
assert library.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert library.prctl(SET_SECCOMP, FILTER, filter_) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[2], sys.argv[2:])

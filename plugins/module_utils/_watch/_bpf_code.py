# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assemble BPF instructions, with labels for jumps. Does no I/O.

Instruction set: https://docs.kernel.org/bpf/standardization/instruction-set.html. In the comments, ``r10`` is the frame pointer.
"""

import struct
import typing as t

# Opcodes. "32" operates on the lower half of the register, all others on 64 bits.
LOAD_32, LOAD, STORE, STORE_CONSTANT, LOAD_CONSTANT, ATOMIC_ADD = 0x61, 0x79, 0x7B, 0x7A, 0x18, 0xDB
MOVE, MOVE_REGISTER, ADD, SUBTRACT_REGISTER, SHIFT_LEFT, SHIFT_RIGHT = 0xB7, 0xBF, 0x07, 0x1F, 0x67, 0x77
GOTO, IF_EQUAL, IF_GREATER, IF_NOT_EQUAL, IF_NOT_EQUAL_32 = 0x05, 0x15, 0x25, 0x55, 0x56
CALL, EXIT = 0x85, 0x95

# BPF_PSEUDO_MAP_*: a constant is the descriptor of a map, or stands for the map's value
MAP_FD, MAP_VALUE = 1, 2

R0, R1, R2, R3, R4, R6, R7, R8, R9, FRAME = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10


class Jump(t.NamedTuple):
    """A jump to a label: an item of the form ``"label"`` in the list of instructions."""

    code: int
    label: str
    register: int = 0
    imm: int = 0


Code = t.List[t.Union[bytes, str, Jump]]


def resolved(code: Code) -> bytes:
    """Return the instructions, with the distances of jumps to labels."""
    places: t.Dict[str, int] = {}
    at = 0
    for item in code:
        if isinstance(item, str):
            places[item] = at
        else:
            at += len(item) // 8 if isinstance(item, bytes) else 1
    result = b""
    for item in code:
        if isinstance(item, Jump):
            distance = places[item.label] - len(result) // 8 - 1
            result += instruction(item.code, item.register, offset=distance, imm=item.imm)
        elif isinstance(item, bytes):
            result += item
    return result


def instruction(code: int, destination: int = 0, source: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    """Return one instruction: struct bpf_insn."""
    return struct.pack("<BBhI", code, destination | source << 4, offset, imm & 0xFFFFFFFF)


def load_constant(register: int, value: int, source: int = 0, upper: int = 0) -> bytes:
    """Return ``register = value`` for 64 bits, which takes two instructions; *upper* is the offset in a map's value."""
    return instruction(LOAD_CONSTANT, register, source, imm=value) + instruction(0, imm=upper or value >> 32)


def address_of(register: int, offset: int) -> Code:
    """Return ``register = r10 + offset``."""
    return [instruction(MOVE_REGISTER, register, FRAME), instruction(ADD, register, imm=offset)]


def store(offset: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = r0``; r0 is the result of the last call."""
    return instruction(STORE, FRAME, R0, offset)


def assign(offset: int, value: int) -> bytes:
    """Return ``*(u64 *)(r10 + offset) = value``."""
    return instruction(MOVE, R0, imm=value) + store(offset)

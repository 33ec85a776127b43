# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find words and ends of functions in commands of the shell. No I/O."""

import re

_RUNNERS = re.compile(
    r"\s*(?:@?-?\+?(?:sudo|env|exec|command|builtin|nohup|time|nice|ionice|timeout|stdbuf|chroot|setsid|eatmydata|"
    r"unbuffer|proxychains|spawn|run|retry|busybox)(?:\s+-\S+(?:\s+\d+)?|\s+[A-Z_]+=\S+|\s+\d+[smh]?)*\s+)+"
)


def first_word(text: str) -> str:
    """Return the name of the command, without those that only run another."""
    text = _RUNNERS.sub("", text, 1) if _RUNNERS.match(text) else text
    word = re.match(r"[\s@({-]*[\"']?([^\s\"';|&<>(]+)", text)
    return word.group(1).rpartition("/")[2] if word else ""


def raw_tool(text: str) -> bool:
    """Return whether a tool of raw connections is run."""
    return bool(re.search(r"(?<![\w.-])(?:nc|ncat|netcat|socat|telnet)\s", text))


def last_line(text: str, place: int, line: int) -> int:
    """Return the number of the last line of a function whose body begins at *place*."""
    depth, at = 1, place
    for found in re.finditer(r"\$?\{[^\s{}]*\}|'[^'\n]*'|\{|\}", text[place : place + 20000]):
        at = place + found.start()
        if found.group() in "{}":
            depth += 1 if found.group() == "{" else -1
        if not depth:
            break
    return line + text.count("\n", 0, at)

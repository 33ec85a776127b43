# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does a guide tell its reader to type, and what should be seen then? Read from its source, and typed into a shell."""

from __future__ import annotations

import re
import selectors
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_DIRECTIVE = re.compile(r"^( *)\.\. code-block:: (\S+)$")
_REASON = re.compile(r"^ *\.\. not run: \S")
_STATUS = re.compile(r"\n<<<status (\d+)>>>\n\Z")
SECONDS = 900.0  # when to give up on a command that neither ends nor shows what it should


@dataclass(frozen=True)
class Block:
    """A code-block of a guide."""

    language: str
    options: dict[str, str]
    text: str
    line: int
    reason: bool  # a comment before it says why it is not run

    @property
    def run(self) -> bool:
        return "not-run" not in self.options.get("class", "").split()

    @property
    def file(self) -> str | None:
        """The reader saves it under this name."""
        return self.options.get("caption")


@dataclass(frozen=True)
class Step:
    """One command, and what it shows: a line ``...`` stands for any lines, and ``...`` in a line for any text."""

    command: str
    shown: str

    def matches(self, output: str) -> bool:
        lines = [_line_pattern(line) for line in self.shown.splitlines()]
        return re.fullmatch("".join(lines), output) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split("...")) + "\n"


def blocks(path: Path) -> list[Block]:
    """All code-blocks of a guide, from its first to its last."""
    lines = path.read_text().splitlines()
    found = []
    for number, line in enumerate(lines):
        if directive := _DIRECTIVE.match(line):
            indent = len(directive[1]) + 3
            inside = []
            for follower in lines[number + 1 :]:
                if follower.strip() and not follower.startswith(" " * indent):
                    break
                inside.append(follower[indent:])
            before = [text for text in lines[:number] if text.strip()][-1:]
            reason = any(_REASON.match(text) for text in before)
            found.append(_block(directive[2], inside, number + 1, reason))
    return found


def _block(language: str, inside: list[str], line: int, reason: bool) -> Block:
    options = {}
    while inside and (option := re.match(r":([a-z-]+): *(.*)", inside[0])):
        options[option[1]] = option[2]
        inside = inside[1:]
    return Block(language, options, "\n".join(inside).strip("\n") + "\n", line, reason)


def steps(block: Block) -> list[Step]:
    """The commands of a ``console`` block; each begins with a dollar, and goes on after a backslash."""
    assert block.text.startswith("$ "), f"line {block.line}: begins with no command"
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, shown = re.fullmatch(r"((?:.*\\\n)*.*\n)((?:.*\n)*)", part).groups()
        found.append(Step(command.rstrip("\n"), shown))
    return found


class Shell:
    """A shell that gets one command at a time, in one folder and with one home, as a person uses it."""

    def __init__(self, folder: Path, environment: dict[str, str], prefix: list[str] | None = None) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = [*(prefix or []), "bash", "--noprofile", "--norc"]
        self._bash = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bash.stdout, selectors.EVENT_READ)

    def type(self, step: Step) -> str | None:
        """Run it; None if it went as shown, else what happened instead."""
        self._bash.stdin.write(f"{step.command}\nprintf '\\n<<<status %s>>>\\n' $?\n".encode())
        self._bash.stdin.flush()
        output, give_up = "", time.monotonic() + SECONDS
        while time.monotonic() < give_up and self._bash.poll() is None:
            if self._selector.select(0.2):
                output += self._bash.stdout.read1(65536).decode(errors="replace")
            if verdict := self._judge(step, output):
                return verdict[0]
        return f"$ {step.command}\ndid not end, or not as shown:\n{step.shown}\ninstead:\n{output}"

    def _judge(self, step: Step, output: str) -> tuple[str | None] | None:
        """None: wait. Else what is wrong with it, or None in a tuple."""
        background = step.command.endswith("&")
        status = re.search(r"\n<<<status (\d+)>>>\n", output) if background else _STATUS.search(output)
        if not status:
            return None
        seen = output.replace(status[0], "\n" if background else "").lstrip("\n")
        seen = seen.rstrip("\n") + "\n"
        if status[1] != "0":
            return (f"$ {step.command}\nended with status {status[1]}:\n{seen}",)
        if not step.shown or step.matches(seen):
            return (None,)
        return None if background else (f"$ {step.command}\nshould show:\n{step.shown}\nbut shows:\n{seen}",)

    def close(self) -> None:
        """End the shell and what it has started."""
        self._bash.stdin.close()
        try:
            self._bash.wait(60)
        except subprocess.TimeoutExpired:
            self._bash.kill()
            self._bash.wait()
        self._selector.close()

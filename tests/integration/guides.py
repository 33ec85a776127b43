# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read commands and their expected output from a guide's source, and run them in a shell."""

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
SECONDS = 900.0  # timeout of a command that neither ends nor prints the expected output


@dataclass(frozen=True)
class Block:
    """A code block of a guide."""

    language: str
    options: dict[str, str]
    text: str
    line: int
    reason: bool  # the reason not to run it, from a comment before it

    @property
    def run(self) -> bool:
        return "not-run" not in self.options.get("class", "").split()

    @property
    def file(self) -> str | None:
        """Return the file name under which the reader saves the block."""
        return self.options.get("caption")


@dataclass(frozen=True)
class Step:
    """A command and its expected output: a line ``...`` stands for any lines, and ``...`` in a line for any text."""

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
    """Return all code blocks of a guide, in order."""
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
    """Return the commands of a ``console`` block. Each begins with a dollar sign; a backslash continues it."""
    assert block.text.startswith("$ "), f"line {block.line}: begins with no command"
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, shown = re.fullmatch(r"((?:.*\\\n)*.*\n)((?:.*\n)*)", part).groups()
        found.append(Step(command.rstrip("\n"), shown))
    return found


class Shell:
    """An interactive shell that runs one command at a time, in one folder and with one home."""

    def __init__(self, folder: Path, environment: dict[str, str], prefix: list[str] | None = None) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = [*(prefix or []), "bash", "--noprofile", "--norc"]
        self._bash = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bash.stdout, selectors.EVENT_READ)

    def type(self, step: Step) -> str | None:
        """Run a command; return None if its output is as shown, else a description of the difference."""
        self._bash.stdin.write(f"{step.command}\nprintf '\\n<<<status %s>>>\\n' $?\n".encode())
        self._bash.stdin.flush()
        output, give_up = "", time.monotonic() + SECONDS
        while time.monotonic() < give_up and self._bash.poll() is None:
            if self._selector.select(0.2):
                output += self._bash.stdout.read1(65536).decode(errors="replace")
            if verdict := self._judge(step, output):
                return verdict[0]
        return f"$ {step.command}\ndid not end, or its output is not as shown:\n{step.shown}\nactual output:\n{output}"

    def _judge(self, step: Step, output: str) -> tuple[str | None] | None:
        """Return None while the command may still print, else a tuple of the difference, or of None if the output is as shown."""
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
        """End the shell and the processes that it started."""
        self._bash.stdin.close()
        try:
            self._bash.wait(60)
        except subprocess.TimeoutExpired:
            self._bash.kill()
            self._bash.wait()
        self._selector.close()

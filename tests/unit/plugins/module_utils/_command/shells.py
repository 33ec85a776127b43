# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complete command lines in bash, zsh and fish with the script that ecs-metadata prints."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from waiting import GIVE_UP_SECONDS, wait_until

from .conftest import Command

END = "<<<end>>>"
# zsh completes only in its editor, on a terminal. What a completion offers is recorded in addition to offering it.
ZSHRC = (
    r"""
PS1= LISTMAX=1000000
autoload -Uz compinit && compinit -u -D
source "$script"
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a offered
        builtin compadd -O offered "$@"
        print -rl -- $offered >> $record
    fi
    builtin compadd "$@"
}
record() { zle complete-word; print -r -- "%s" >> $record; BUFFER= }
zle -N record
bindkey '^I' record
"""
    % END
)
BASH = """set -u
source "$script"
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_WORDS=("$command" %s) COMP_CWORD=%d COMP_LINE=%s COMP_POINT=%d
_ecs_metadata
printf '%%s\\n' "${COMPREPLY[@]}" """


def bash(command: Command, script: Path, line: str) -> set[str]:
    """Return what bash offers at the end of *line*, which is split into words as bash does."""
    words = re.findall(r"[^\s:]+|:", line) + ([""] if line.endswith((" ", ":")) else [])
    filled = BASH % (" ".join(map(shlex.quote, words[1:])), len(words) - 1, shlex.quote(line), len(line))
    done = subprocess.run(
        ["bash", "-c", filled],
        env={**command.environment, "command": command.launcher, "script": str(script)},
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split("\n")) - {""}


def fish(command: Command, script: Path, line: str) -> set[str]:
    """Return what fish offers at the end of *line*, without the descriptions."""
    done = subprocess.run(
        ["fish", "--no-config", "-c", "source $script; complete -C $line"],
        env={**_environment(command, script), "line": line},
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    offered = {it.partition("\t")[0] for it in done.stdout.split("\n")} - {""}
    word = line.rpartition(" ")[2]
    # For --t, fish 4 also lists --endpoint, of any command: options that contain these letters in this order.
    return {it for it in offered if it.startswith(word)} if word.startswith("--") else offered


def zsh(command: Command, script: Path, line: str) -> set[str]:
    """Return what zsh offers at the end of *line*."""
    environment = _environment(command, script)
    home = Path(environment["HOME"])
    record = home / "record"
    record.write_text("")
    (home / ".zshrc").write_text(ZSHRC)
    ours, theirs = pty.openpty()
    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    environment |= {"TERM": "dumb", "ZDOTDIR": str(home), "record": str(record)}
    with subprocess.Popen(["zsh", "-i"], env=environment, cwd=home, **terminal) as process:
        os.close(theirs)
        os.write(ours, (line + "\t").encode())
        try:
            wait_until(lambda: END in record.read_text(), "the completion of zsh")
        finally:
            process.kill()
            os.close(ours)
    return set(record.read_text().split("\n")) - {"", END}


def _environment(command: Command, script: Path) -> dict[str, str]:
    """Return an environment with a home, and with ecs-metadata on the PATH."""
    home = script.parent / "home"
    home.mkdir(exist_ok=True)
    path = "%s:%s" % (os.path.dirname(command.launcher), command.environment["PATH"])
    return {**command.environment, "PATH": path, "HOME": str(home), "script": str(script)}


SHELLS: dict[str, Callable[[Command, Path, str], set[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}


def needs(shell: str) -> None:
    """Skip the test if *shell* is not installed, except in CI."""
    if shutil.which(shell) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{shell} is not installed here")

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate the completion of ecs-metadata for a shell from its command line."""

from ._bash import bash
from ._fish import fish
from ._parser import CommandLine
from ._words import commands
from ._zsh import zsh

_SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}


def script(shell: str, line: CommandLine) -> str:
    """Return the completion script for *shell*: bash, zsh or fish."""
    return _SCRIPTS[shell](commands(line))

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the completion of ecs-metadata for fish."""

import typing as t

from ._words import DIRECTORIES, FILES, Command, Option

# As in bash, a name is offered only if it has no character that a shell interprets.
_SCRIPT = r"""# fish completion for ecs-metadata, printed by: ecs-metadata completion fish

# Prints the command on the line.
function __ecs_metadata_command
    for word in (commandline -opc)[2..-1]
        if contains -- $word @NAMES@
            echo $word
            return 0
        end
    end
    return 1
end

function __ecs_metadata_is
    set -l command (__ecs_metadata_command)
    contains -- "$command" $argv
end

# Completes the command after the options of exec, then its arguments.
function __ecs_metadata_executed
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words); or return
    set -l line (string escape -- $words[(math $at + 1)..-1])
    complete -C (string join ' ' -- $line (commandline -ct))
end

# Reads the names from the service, which takes at most a second.
function __ecs_metadata_paths
    set -l typed (string match -r '^.*/' -- (commandline -ct))
    set -l directory $typed
    test -n "$directory"; or set directory meta-data/
    for name in (ecs-metadata ls --timeout 1 --deadline 1 --retries 0 -- $directory 2>/dev/null)
        string match -qr '^[A-Za-z0-9._/:@+-]+$' -- $name; or continue
        test "$argv[1]" = get; or string match -q '*/' -- $name; or continue
        string join '' -- $typed $name
    end
end

complete -c ecs-metadata -f
complete -c ecs-metadata -n '__ecs_metadata_is exec' -a '(__ecs_metadata_executed)'
complete -c ecs-metadata -n '__ecs_metadata_is get' -a '(__ecs_metadata_paths get)'
complete -c ecs-metadata -n '__ecs_metadata_is ls tree' -a '(__ecs_metadata_paths ls)'
@RULES@
"""


def fish(commands: t.Sequence[Command]) -> str:
    """Return the completion script for fish."""
    purposes = {command.name: command.purpose for command in commands}
    rules = []
    for command in commands:
        condition = "__ecs_metadata_is %s" % command.name if command.name else "not __ecs_metadata_command"
        rules += [_rule(condition, "-a", word, "-d", purposes.get(word, "shell")) for word in command.words]
        rules += [_rule(condition, *_option(option)) for option in command.options]
    return _SCRIPT.replace("@NAMES@", " ".join(commands[0].words)).replace("@RULES@", "\n".join(rules))


def _option(option: Option) -> t.Iterator[str]:
    for flag in option.flags:
        yield from ("-l", flag[2:]) if flag.startswith("--") else ("-s", flag[1:])
    if option.value:
        yield "-x" if option.place != FILES else "-rF"
    if option.place == DIRECTORIES:
        yield from ("-a", "(__fish_complete_directories)")
    elif option.words:
        yield from ("-a", " ".join(option.words))
    yield from ("-d", option.meaning)


def _rule(condition: str, *words: str) -> str:
    return " ".join(["complete -c ecs-metadata -n", _quoted(condition), *map(_word, words)])


def _word(word: str) -> str:
    return word if word.startswith("-") and " " not in word else _quoted(word)


def _quoted(text: str) -> str:
    return "'%s'" % text.replace("\\", "\\\\").replace("'", "\\'")

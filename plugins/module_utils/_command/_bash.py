# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the completion of ecs-metadata for bash."""

import typing as t

from ._words import DIRECTORIES, Command, Option

# The names come from the service, and any user may have named a tag. A name that bash would expand, now or when the line
# is run, is never offered. compgen -W expands its words, so it gets only words of the command line.
_SCRIPT = r"""# bash completion for ecs-metadata, printed by: ecs-metadata completion bash

_ecs_metadata() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' word number
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            @NAMES@) command=$word; break ;;
        esac
    done
    for ((number = 1; number < COMP_CWORD; number++)); do
        [[ $command == exec && ${COMP_WORDS[number]} == -- ]] || continue
        # the command after the options, then its arguments
        compopt -o filenames 2>/dev/null
        if ((number + 1 == COMP_CWORD)); then word=-c; else word=-f; fi
        mapfile -t COMPREPLY < <(compgen "$word" -- "$current")
        return
    done
    case $previous in
@VALUES@
    esac
    case $command:$current in
@WORDS@
        get:* | ls:* | tree:*) _ecs_metadata_paths "$command" "$current" ;;
    esac
}

# Reads the names from the service, which takes at most a second.
_ecs_metadata_paths() {
    local path=$2 typed=${COMP_LINE:0:COMP_POINT} directory='' head='' name
    if [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]]; then
        path=${typed##*[[:space:]]} # bash splits a MAC address into words and expects only the last one
        head=${path%"${path##*:}"}
    fi
    [[ $path == */* ]] && directory=${path%/*}/
    while IFS= read -r name; do
        [[ -z $name || $name == *[!A-Za-z0-9._/:@+-]* ]] && continue
        [[ $1 == get || $name == */ ]] || continue
        name=$directory$name
        [[ $name == "$path"* ]] && COMPREPLY+=("${name#"$head"}")
    done < <("${COMP_WORDS[0]:-ecs-metadata}" ls --timeout 1 --deadline 1 --retries 0 -- "${directory:-meta-data/}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _ecs_metadata ecs-metadata
"""


def bash(commands: t.Sequence[Command]) -> str:
    """Return the completion script for bash."""
    values: t.Dict[str, str] = {}
    words = []
    for command in commands:
        values.update((" | ".join(option.flags), _values(option)) for option in command.options if option.value)
        flags = [flag for option in command.options for flag in option.flags] + ["--"] * (command.name == "exec")
        words.append(_rule("%s:-*" % command.name, _compgen("-W '%s'" % " ".join(flags))))
        if command.words:
            words.append(_rule("%s:*" % command.name, _compgen("-W '%s'" % " ".join(command.words))))
    script = _SCRIPT.replace("@NAMES@", " | ".join(commands[0].words)).replace("@WORDS@", "\n".join(words))
    return script.replace("@VALUES@", "\n".join(_rule(flags, action) for flags, action in values.items()))


def _values(option: Option) -> str:
    """Return what completes the value of an option, and ends the completion."""
    if option.place:
        return "compopt -o filenames 2>/dev/null; %s; return" % _compgen("-d" if option.place == DIRECTORIES else "-f")
    return (_compgen("-W '%s'" % " ".join(option.words)) + "; " if option.words else "") + "return"


def _compgen(words: str) -> str:
    return 'mapfile -t COMPREPLY < <(compgen %s -- "$current")' % words


def _rule(pattern: str, action: str) -> str:
    return "        %s) %s ;;" % (pattern, action)

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate the bash completion of ecs-metadata from its command line."""

import argparse
import typing as t

from ._parser import CommandLine

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
        --file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
@CHOICES@
        @VALUES@) return ;;
    esac
    case $command:$current in
@OPTIONS@
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


def bash(line: CommandLine) -> str:
    """Return the completion script for bash."""
    names = list(line.commands)
    choices: t.Dict[str, str] = {}
    values: t.List[str] = []
    options = [_words("", "-*", _options(line.parser)), _words("", "*", names)]
    for name, parser in line.commands.items():
        options.append(_words(name, "-*", _options(parser) + (["--"] if name == "exec" else [])))
        for action in parser._actions:
            if action.choices and action.option_strings:
                choices[" | ".join(action.option_strings)] = " ".join(action.choices)
            elif action.choices:
                options.append(_words(name, "*", list(action.choices)))
            elif action.nargs != 0 and action.dest != "file":
                values += [option for option in action.option_strings if option not in values]
    rules = [
        "        %s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$current\"); return ;;" % rule
        for rule in choices.items()
    ]
    script = _SCRIPT.replace("@NAMES@", " | ".join(names)).replace("@VALUES@", " | ".join(values))
    return script.replace("@CHOICES@", "\n".join(rules)).replace("@OPTIONS@", "\n".join(options))


def _options(parser: argparse.ArgumentParser) -> t.List[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _words(command: str, pattern: str, words: t.Sequence[str]) -> str:
    return "        %s:%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$current\") ;;" % (
        command,
        pattern,
        " ".join(words),
    )

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the completion of ecs-metadata for zsh."""

import typing as t

from ._words import DIRECTORIES, Command, Option

# As in bash, a name is offered only if it has no character that a shell interprets. The file is both a function that
# compinit loads, with the name of the file, and a script for "source".
_SCRIPT = r"""#compdef ecs-metadata
# zsh completion for ecs-metadata, printed by: ecs-metadata completion zsh

_ecs-metadata() {
    local curcontext=$curcontext context state state_descr line program=${(Q)words[1]}
    local -A opt_args
    local -i at=${words[(ie)--]}
    if ((at < CURRENT)) && [[ ${words[2,at-1][(r)(@ANY@)]} == exec ]]; then
        shift $at words # the command after the options of exec, then its arguments
        ((CURRENT -= at))
        _normal
        return
    fi
    local -a commands=(
@COMMANDS@
    )
    _arguments -C \
@MAIN@
        '(-): :->command' '(-)*:: :->argument' && return
    if [[ $state == command ]]; then
        _describe -t commands command commands
        return
    fi
    [[ $state == argument ]] || return 1
    [[ $words[1] != exec ]] || compadd -- --
    case $words[1] in
@RULES@
    esac
}

# Reads the names from the service, which takes at most a second.
_ecs-metadata-paths() {
    local directory='' name
    local -a items directories
    [[ $PREFIX == */* ]] && directory=${PREFIX%/*}/
    for name in ${(f)"$($program ls --timeout 1 --deadline 1 --retries 0 -- "${directory:-meta-data/}" 2>/dev/null)"}; do
        [[ $name == *[^A-Za-z0-9._/:@+-]* ]] && continue
        if [[ $name == */ ]]; then directories+=($directory$name); else items+=($directory$name); fi
    done
    compadd -S '' -- $directories
    [[ $1 != get ]] || compadd -- $items
}

if [[ $funcstack[1] == _ecs-metadata ]]; then
    _ecs-metadata "$@"
else
    compdef _ecs-metadata ecs-metadata
fi
"""
_ARGUMENTS = {
    "get": ["*:path: _ecs-metadata-paths get"],
    "ls": ["1:path: _ecs-metadata-paths ls"],
    "tree": ["1:path: _ecs-metadata-paths tree"],
}


def zsh(commands: t.Sequence[Command]) -> str:
    """Return the completion script for zsh."""
    listed = "\n".join(
        " " * 8 + _quoted("%s:%s" % (it.name, it.purpose.replace(":", "\\:"))) for it in commands if it.name
    )
    main = "\n".join("        %s \\" % spec for spec in _specs(commands[0].options))
    rules = "\n".join(_rule(command) for command in commands if command.name)
    script = _SCRIPT.replace("@COMMANDS@", listed).replace("@MAIN@", main).replace("@RULES@", rules)
    return script.replace("@ANY@", "|".join(commands[0].words))


def _rule(command: Command) -> str:
    specs = [*_specs(command.options), *map(_quoted, _ARGUMENTS.get(command.name, ()))]
    if command.words:
        specs.append(_quoted("1:%s:(%s)" % (command.name, " ".join(command.words))))
    lines = " \\\n".join("            " + spec for spec in specs)
    return "    %s)\n        _arguments -S \\\n%s\n        ;;" % (command.name, lines)


def _specs(options: t.Sequence[Option]) -> t.Iterator[str]:
    """Yield the specification of each option: flags, meaning, placeholder and values."""
    for option in options:
        if option.repeatable:
            head = "'*'"
        else:
            head = _quoted("(%s)" % " ".join(option.flags))
        flags = option.flags[0] if len(option.flags) == 1 else "{%s}" % ",".join(option.flags)
        tail = "[%s]" % _escaped(option.meaning)
        if option.value:
            tail += ":%s:%s" % (option.value, _values(option))
        yield head + flags + _quoted(tail)


def _values(option: Option) -> str:
    if option.place:
        return "_files -/" if option.place == DIRECTORIES else "_files"
    return "(%s)" % " ".join(option.words) if option.words else " "


def _escaped(text: str) -> str:
    """Return *text* for the brackets of a specification."""
    for character in "\\[]:":
        text = text.replace(character, "\\" + character)
    return text


def _quoted(text: str) -> str:
    return "'%s'" % text.replace("'", "'\\''")

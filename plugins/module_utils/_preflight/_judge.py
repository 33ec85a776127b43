# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge one file: does it send normal-mode requests? No I/O."""

import re
import typing as t

from . import _judge_config, _vocabulary
from ._decoding import encoded_parts
from ._judge_code import CodeJudge
from ._judge_shell import ShellJudge
from ._languages import (
    CODE,
    CONFIG,
    CRON,
    DOCKER,
    MAKE,
    PYTHON,
    SHELL,
    UNIT,
    Language,
    interpreter_language,
    language_of,
    masked,
    may_configure,
    named,
)
from ._outcome import Outcome
from ._shell import Heredoc
from ._statements import Statement
from ._values import ADDRESS, Values, text_flags

_MOST_NESTED = 3
_CRON_TIME = re.compile(r"\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+")
_CRON_VARIABLE = re.compile(r"\s*[A-Za-z_]\w*\s*=")
_UNIT_KEY = re.compile(r"\s*(?P<key>\w+)\s*=\s*(?P<value>.*)\Z", re.S)
_DOCKER_KEY = re.compile(
    r"\s*(?:(?:HEALTHCHECK|ONBUILD)[\s\\]+(?:--\S+[\s\\]+)*)?(?P<key>[A-Za-z]+)\s+(?P<value>.*)\Z", re.S
)
_DOCKER_VALUE = re.compile(r"(?P<name>\w+)(?:=|\s+)(?P<value>\"[^\"]*\"|\S+)")
_MAKE_VARIABLE = re.compile(r"(?:export\s+|override\s+)*(?P<name>[\w.]+)\s*(?:[:?+!]|::)?=\s*(?P<value>.*)\Z", re.S)
_JINJA_DEFAULT = re.compile(
    r"\{\{-?\s*[\w.]+\s*\|\s*(?:default|d)\(\s*(?P<quote>[\"'])(?P<value>[^\"'\n]*)(?P=quote)\s*(?:,\s*\w+\s*)?\)\s*(?:\|[^{}]*)?-?\}\}"
)
_TEST_FILE = re.compile(
    r"(?:\A|/)(?:test_[^/]*|[^/]*(?:_test|\.test|\.spec|_spec)\.\w+|"
    r"[^/]*[a-z]Tests?\.(?:java|php|cs|kt|groovy|scala))\Z"
)


def judge(text: str, path: str = "", nested: int = 0, language: t.Optional[Language] = None) -> Outcome:
    """Return what the file *path* with this *text* (LF as line end) sends."""
    outcome = Outcome()
    spoken = language or language_of(path, text)
    visible = _filled(masked(text, spoken))
    if spoken.kind in (PYTHON, CODE):
        CodeJudge(outcome, spoken, _judge_command).run(visible)
    elif spoken.kind == SHELL:
        _shell_judge(outcome, nested).run(visible)
    else:
        _KINDS[spoken.kind](outcome, visible, nested)
    outcome.finish()
    if (
        spoken.kind == SHELL
        and language is None
        and not (outcome.lines or outcome.token_authenticated)
        and may_configure(path, text)
    ):
        for line, (what, _certain) in judge(text, path, nested, named("conf")).lines.items():
            outcome.lines[line] = (what, False)
    if nested < _MOST_NESTED:
        for place, inner in encoded_parts(visible):
            _merge(outcome, judge(inner, "", nested + 1), 0, visible.count("\n", 0, place) + 1)
    if _TEST_FILE.search(path):
        outcome.lines = {line: found for line, found in outcome.lines.items() if found[1]}
    return outcome


def _filled(text: str) -> str:
    """Return a template with each expression of Jinja that has a default replaced by it, in the same number of lines."""
    if "default(" not in text:
        return text
    return _JINJA_DEFAULT.sub(lambda found: found.group("value") + "\n" * found.group().count("\n"), text)


def _merge(outcome: Outcome, inner: Outcome, offset: int, line: int = 0) -> None:
    """Add what was found in a part of the file: at the lines after *offset*, or all at *line*."""
    for number, found in inner.lines.items():
        if line and not found[1]:
            continue
        outcome.lines[line or number + offset] = found
    outcome.token_authenticated = outcome.token_authenticated or inner.token_authenticated


def _shell_judge(outcome: Outcome, nested: int) -> ShellJudge:
    """Return the judge of a script of the shell, which judges here-documents as files."""

    def inner(one: Heredoc, target: str) -> None:
        if nested < _MOST_NESTED:
            name = interpreter_language(target)
            _merge(outcome, judge(one.text, target, nested + 1, named(name) if name else None), one.line - 1)

    return ShellJudge(outcome, inner)


def _judge_command(text: str, line: int, values: Values) -> t.Optional[Outcome]:
    """Return what a command of the shell sends; *values* are the variables of the file around it."""
    outcome = Outcome()
    ShellJudge(outcome, lambda one, target: None).run(values.expand(text, code=False), line)
    return outcome


def _lines(text: str) -> t.Iterator[Statement]:
    """Yield the lines of a text, those that end with a backslash joined."""
    number, kept = 1, ""
    for line in text.split("\n"):
        whole = kept + line
        if line.endswith("\\"):
            kept = whole + "\n"
            continue
        if whole.strip():
            yield Statement(number, whole, len(whole) - len(whole.lstrip()))
        number += whole.count("\n") + 1
        kept = ""


def _cron(outcome: Outcome, text: str, nested: int) -> None:
    """Judge a table of cron."""
    program = []
    for line in text.split("\n"):
        found = None if _CRON_VARIABLE.match(line) else _CRON_TIME.match(line)
        program.append(re.sub(r"\\%", "%", line[found.end() :]) if found else line)
    user = re.compile(r"\A(?:\w[\w-]*)\s+(?=\S)")
    listed = [user.sub("", line, 1) if _is_user(line) else line for line in program]
    _shell_judge(outcome, nested).run("\n".join(listed))


def _is_user(line: str) -> bool:
    """Return whether a line of a system table begins with the name of a user."""
    return (
        bool(re.match(r"[a-z_][\w-]*\s+[\w/\"'\[({$:-]", line))
        and not _vocabulary.TOOLS.match(line)
        and not re.match(r"(?:echo|printf|test|if|for|while|cd|export|sh|bash|exec|sudo|env)\b", line)
    )


def _unit(outcome: Outcome, text: str, nested: int) -> None:
    """Judge a unit of systemd, or a similar file of supervisor."""
    values: t.List[str] = []
    commands: t.List[Statement] = []
    defined: t.List[t.Tuple[str, int, str]] = []
    for one in _lines(text):
        found = _UNIT_KEY.match(one.text)
        if not found:
            continue
        key, value = found.group("key"), found.group("value")
        if re.match(r"(?i)Exec\w+\Z|command\Z", key):
            commands.append(Statement(one.line, re.sub(r"\A[@:+!-]+", "", value), 0))
        elif re.match(r"(?i)Environment\Z", key):
            for word in re.findall(r"\"([^\"]*)\"|'([^']*)'|(\S+)", value):
                name, _equal, content = "".join(word).partition("=")
                defined.append((name, one.line, content))
                values.append('%s="%s"' % (name, content))
    for command in commands:
        used = "\n".join(
            [one for one in values if "$" + one.partition("=")[0] in command.text.replace("{", "")] + [command.text]
        )
        inner = Outcome()
        before = used.count("\n") - command.text.count("\n")
        _shell_judge(inner, nested).run(used, command.line - before)
        _merge(outcome, inner, 0)
    for name, line, content in defined:
        if not any("$" + name in command.text.replace("{", "") for command in commands):
            _setting(outcome, name, line, content)


def _setting(outcome: Outcome, name: str, line: int, content: str) -> None:
    """Judge a variable that a file sets for programs that are not seen."""
    values = Values()
    if values.flags(content, content) & ADDRESS and not _vocabulary.DENIED.search(name):
        outcome.unsure(line, content)


def _docker(outcome: Outcome, text: str, nested: int) -> None:
    """Judge the instructions of a Dockerfile."""
    program = [""] * (text.count("\n") + 1)
    for one in _lines(text):
        found = _DOCKER_KEY.match(one.text)
        if not found:
            continue
        key, value, start = found.group("key").upper(), found.group("value"), found.start("value")
        if key in ("ENV", "ARG"):
            value = "; ".join("%s=%s" % pair for pair in _DOCKER_VALUE.findall(value))
        elif key == "ADD" and Values().flags(value, value) & ADDRESS:
            value = "curl " + value
        elif key not in ("RUN", "CMD", "ENTRYPOINT"):
            continue
        elif value.startswith("["):
            value = re.sub(r"[\[\]\",]", " ", value)
        first = one.line - 1 + one.text.count("\n", 0, start)
        for number, line in enumerate(value.split("\n"), first):
            program[number] = line
    _shell_judge(outcome, nested).run("\n".join(program))


def _make(outcome: Outcome, text: str, nested: int) -> None:
    """Judge the variables and recipes of a makefile as one shell script."""
    program: t.List[str] = []
    # The lines of a variable that is defined with "define" may become a recipe.
    text = re.sub(r"(?ms)^define[ \t][^\n]*\n.*?^endef\b", _recipe, text)
    for one in _lines(text):
        while len(program) < one.line - 1:
            program.append("")
        line = one.text
        found = None if line.startswith("\t") else _MAKE_VARIABLE.match(line)
        if found:
            line = "%s=%s" % (found.group("name").replace(".", "_"), _quoted(found.group("value")))
        elif not line.startswith("\t"):
            line = "\n" * line.count("\n")
        line = re.sub(r"\$\(shell\s+", "$(", re.sub(r"\$[({]([A-Za-z_]\w*)[)}]", r"${\1}", line)).replace("$$", "$")
        program += re.sub(r"^\t[@+-]*", "", line).split("\n")
    _shell_judge(outcome, nested).run("\n".join(program))


def _recipe(found: "t.Match[str]") -> str:
    """Return the lines between define and endef as lines of a recipe."""
    lines = found.group().split("\n")
    return "\n".join(["", *["\t" + line for line in lines[1:-1]], ""])


def _quoted(value: str) -> str:
    """Return the value of a make variable as one word of the shell."""
    return value if "$(shell" in value else '"%s"' % value.replace('"', '\\"')


def _config(outcome: Outcome, text: str, nested: int) -> None:
    """Judge a configuration file, or the parts of user data."""
    part = re.match(r"\A(?:#include\b|Content-Type: multipart)", text)
    if re.match(r"#include\b", text):
        for number, line in enumerate(text.split("\n"), 1):
            flags = text_flags(line)
            if flags & ADDRESS:
                outcome.request(number, line, flags)
        return
    if part or re.search(r"(?m)^Content-Type: multipart", text[:2000]):
        _shell_judge(outcome, nested).run(text)
        return

    def inner(content: str, name: str, line: int) -> None:
        if nested < _MOST_NESTED:
            _merge(outcome, judge(content, name, nested + 1), line - 1)

    _judge_config.judge(outcome, text, _judge_command, inner)


_KINDS: t.Dict[str, t.Callable[[Outcome, str, int], None]] = {
    CRON: _cron,
    UNIT: _unit,
    DOCKER: _docker,
    MAKE: _make,
    CONFIG: _config,
}

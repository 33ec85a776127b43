# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Determine the language of a file, and blank out what is not executed: comments, documentation, text outside of code. No I/O."""

import re
import typing as t

SHELL, PYTHON, CODE, CONFIG, CRON, UNIT, DOCKER, MAKE = (
    "shell",
    "python",
    "code",
    "config",
    "cron",
    "unit",
    "docker",
    "make",
)
_STRINGS = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
_LONG_STRINGS = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
_TRIPLE = r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\''


class Language(t.NamedTuple):
    """A language: how its files are judged (``kind``), and the syntax of its comments and strings."""

    name: str
    kind: str
    comments: t.Optional["t.Pattern[str]"]


def _language(name: str, kind: str, comments: str, strings: str = _STRINGS) -> Language:
    """Return a language whose comments match *comments*, except inside of *strings*."""
    return Language(name, kind, re.compile("(?P<comment>%s)|%s" % (comments, strings), re.S | re.M))


_SLASHES = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_HASH = r"\#[^\n]*"
_TICKS = r"|`(?:\\.|[^`\\])*`"
_LINE_HASH = r"^[ \t]*\#[^\n]*"
_POD = r"^=[a-zA-Z][^\n]*$.*?(?:^=cut[^\n]*$|\Z)|^__(?:END|DATA)__$.*\Z"
_RUBY_BLOCK = r"^=begin\b.*?(?:^=end[^\n]*$|\Z)|^__END__$.*\Z"
_LANGUAGES = {
    one.name: one
    for one in (
        # Comments of shell scripts are blanked while the script is split into commands.
        Language("shell", SHELL, None),
        _language("python", PYTHON, _HASH, _TRIPLE + "|" + _STRINGS),
        _language("perl", CODE, _POD + r"|(?<![$\\])\#[^\n]*", _LONG_STRINGS + _TICKS),
        _language("ruby", CODE, _RUBY_BLOCK + r"|(?<!\S)\#(?!\{)[^\n]*", _LONG_STRINGS + _TICKS),
        _language(
            "php", CODE, r"(?:\A|\?>).*?(?:<\?(?:php|=)|\Z)|" + _SLASHES + r"|\#(?!\[)[^\n]*", _LONG_STRINGS + _TICKS
        ),
        _language("javascript", CODE, _SLASHES, _STRINGS + _TICKS),
        _language("go", CODE, _SLASHES, r'"(?:\\.|[^"\\\n])*"|`[^`]*`|\'(?:\\.|[^\'\\\n])+\''),
        _language("rust", CODE, _SLASHES, r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\\n])\''),
        _language("java", CODE, _SLASHES, _TRIPLE + "|" + _STRINGS),
        _language("lua", CODE, r"--\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z)|--[^\n]*"),
        _language("powershell", CODE, r"<\#.*?(?:\#>|\Z)|(?<![\w`])\#[^\n]*", _LONG_STRINGS),
        _language("batch", SHELL, r"^[ \t]*@?(?:[Rr][Ee][Mm]\b|::)[^\n]*"),
        _language("awk", CODE, _HASH, r'"(?:\\.|[^"\\\n])*"'),
        _language("hash", CODE, _HASH),
        _language("tcl", CODE, r"(?:^|;)[ \t]*\#[^\n]*"),
        _language("haskell", CODE, r"--[^\n]*|\{-.*?(?:-\}|\Z)", r'"(?:\\.|[^"\\\n])*"'),
        _language("clojure", CODE, r";[^\n]*|#_\([^()]*\)", r'"(?:\\.|[^"\\])*"|\\.'),
        _language("erlang", CODE, r"%[^\n]*", r'"(?:\\.|[^"\\])*"'),
        _language("fsharp", CODE, r"\(\*.*?(?:\*\)|\Z)|//[^\n]*", _TRIPLE + "|" + _STRINGS),
        _language("basic", CODE, r"'[^\n]*|^[ \t]*[Rr][Ee][Mm]\b[^\n]*", r'"[^"\n]*"'),
        _language("sql", CODE, r"--[^\n]*|/\*.*?(?:\*/|\Z)"),
        _language("terraform", CONFIG, _SLASHES + "|" + _HASH),
        _language("yaml", CONFIG, r"(?<!\S)\#[^\n]*"),
        _language("json", CONFIG, r"^[ \t]*//[^\n]*"),
        _language("xml", CONFIG, r"<!--.*?(?:-->|\Z)"),
        # Rules of firewalls and of intrusion detection send nothing.
        _language("rules", CONFIG, r".+"),
        _language("conf", CONFIG, r"(?:^|(?<=\s))\#[^\n]*|^[ \t]*(?:;|//|!)[^\n]*"),
        _language("unit", UNIT, r"^[ \t]*[\#;](?:[^\n\\]|\\[^\n])*", r"(?!)"),
        _language("cron", CRON, _LINE_HASH, r"(?!)"),
        _language("docker", DOCKER, _LINE_HASH, r"(?!)"),
        _language("make", MAKE, r"^(?!\t)[^\n#]*?(?<!\\)(?P<rest>\#[^\n]*)|^\t[@ -]*\#[^\n]*", r"(?!)"),
    )
}
_ENDINGS = {
    "shell": "sh bash zsh ksh dash ash bats envrc profile bashrc fish csh tcsh xsh",
    "python": "py pyw py3 fact",
    "perl": "pl pm t cgi",
    "ruby": "rb rake gemspec erb",
    "php": "php phtml inc php5 php7",
    "javascript": "js ts mjs cjs jsx tsx vue coffee",
    "go": "go",
    "rust": "rs",
    "java": "java kt kts scala groovy gradle c h cc cpp hpp cs swift dart m",
    "lua": "lua",
    "powershell": "ps1 psm1 psd1",
    "batch": "cmd bat",
    "awk": "awk",
    "hash": "r ex exs jl nim cr",
    "tcl": "tcl exp",
    "haskell": "hs lhs elm",
    "clojure": "clj cljs cljc bb lisp el scm rkt",
    "erlang": "erl escript hrl",
    "fsharp": "fs fsx ml",
    "basic": "vb vbs bas",
    "sql": "sql",
    "terraform": "tf hcl tfvars nomad",
    "yaml": "yaml yml sls",
    "json": "json json5 jsonc",
    "xml": "xml xhtml plist",
    "conf": "conf cfg ini toml properties cnf env lst list vcl rules",
    "unit": "service timer socket mount path target network netdev link slice scope",
    "make": "mk mak make",
    "docker": "dockerfile containerfile",
    "cron": "cron crontab",
}
_BY_ENDING = {ending: name for name, endings in _ENDINGS.items() for ending in endings.split()}
_INTERPRETERS = (
    ("python", "python"),
    ("pypy", "python"),
    ("perl", "perl"),
    ("ruby", "ruby"),
    ("php", "php"),
    ("node", "javascript"),
    ("deno", "javascript"),
    ("bun", "javascript"),
    ("lua", "lua"),
    ("pwsh", "powershell"),
    ("awk", "awk"),
    ("Rscript", "hash"),
    ("tclsh", "tcl"),
    ("expect", "tcl"),
    ("make", "make"),
    ("groovy", "java"),
    ("escript", "erlang"),
    ("runghc", "haskell"),
    ("stack", "haskell"),
    ("bb", "clojure"),
    ("nft", "rules"),
    ("sh", "shell"),
    ("env", "shell"),
)
_RULES = re.compile(
    r"/(?:iptables|nftables|snort|suricata|modsec\w*|fail2ban|firewalld|audit|netplan|system-connections)/|/network-scripts/(?:route|rule|ifcfg)"
    r"|\.rego\Z|/nftables\.conf\Z|/rules\.v[46]\Z"
)
_CRON = re.compile(r"/cron\.d/|/crontabs?(?:/|\Z)|/spool/cron/")
_UNITS = re.compile(r"/systemd/.*\.conf\Z|/supervisor|/supervisord")
_CONFIGURATION = re.compile(
    r"/(?:nginx|httpd|apache2|caddy|varnish|envoy|traefik|vector|fluent[\w-]*|sysctl\.d|tmpfiles\.d|telegraf|consul|squid|haproxy|modsec[^/]*|"
    r"monit|keepalived|zabbix[\w-]*|nagios[\w-]*|icinga2?|nrpe[\w.-]*|collectd[\w.-]*|munin|prometheus|blackbox[\w-]*)/.*\Z"
)
# Without an ending, a file here may be a script or a configuration file.
_MAY_CONFIGURE = re.compile(r"(?:\A|/)etc/|/[\w.-]*conf[\w.-]*/")
_CLOUD_CONFIG = re.compile(r"#cloud-config\b|## template: jinja\s+#cloud-config")
_LOOKS_LIKE = (
    ("cron", re.compile(r"(?m)^(?:@(?:daily|hourly|weekly|reboot|monthly)|(?:[\d*/,-]+\s+){5})\s*\S")),
    ("unit", re.compile(r"(?m)^\[(?:Unit|Service|Timer)\]$")),
    ("yaml", re.compile(r"(?m)\A(?:---|- \w+:|\w[\w-]*:(?: |$))")),
    ("json", re.compile(r"\A\s*[\[{]\s*[\"\]}]")),
    ("conf", re.compile(r"(?m)^\[[\w .:-]+\]$")),
)


def language_of(path: str, text: str) -> Language:
    """Return the language of the file *path* with this *text*; a script of the shell if nothing shows another."""
    return _LANGUAGES[_name_of(path, text)]


def may_configure(path: str, text: str) -> bool:
    """Return whether a file that looks like a script of the shell may be a configuration file, because nothing shows what it is."""
    return not text.startswith("#!") and "." not in path.rpartition("/")[2] and bool(_MAY_CONFIGURE.search(path))


def named(name: str) -> Language:
    """Return the language of this name."""
    return _LANGUAGES[name]


def _name_of(path: str, text: str) -> str:
    """Return the name of the language: by the interpreter, the path, the ending, or the looks."""
    first = text[:200].partition("\n")[0]
    if first.startswith("#!"):
        name = interpreter_language(first[2:])
        if name:
            return name
    base = path.rpartition("/")[2]
    if _RULES.search(path) or re.match(
        r"(?:#[^\n]*\n|\s)*(?:\*(?:filter|nat|mangle|raw)\b|alert\s+\w+\s|"
        r"table\s+(?:inet|ip6?)\s|SecRule\b)",
        text[:4000],
    ):
        return "rules"
    if _CRON.search(path):
        return "cron"
    if _CLOUD_CONFIG.match(text):
        return "yaml"
    if _UNITS.search(path):
        return "unit"
    if re.match(r"(?i)(?:docker|container)file", base):
        return "docker"
    if re.match(r"(?:GNU)?[Mm]akefile", base):
        return "make"
    ending = base.rpartition(".")[2].lower() if "." in base else ""
    if ending == "conf" and re.search(r"(?m)^\[program:", text):
        return "unit"
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    if text.startswith("<?php"):
        return "php"
    if _CONFIGURATION.search(path):
        return "conf"
    return next((name for name, pattern in _LOOKS_LIKE if pattern.search(text[:4000])), "shell")


def interpreter_language(command: str) -> t.Optional[str]:
    """Return the language of the interpreter in a command line, None if it is not known."""
    for word in command.split()[:4]:
        base = word.rpartition("/")[2]
        for start, name in _INTERPRETERS:
            if start != "env" and (
                base.startswith(start) or (start in ("sh", "awk") and re.match(r"\w*%s\Z" % start, base))
            ):
                return name
    return None


def masked(text: str, language: Language) -> str:
    """Return *text* with comments and documentation as spaces; places and lines stay the same."""
    if language.comments is None:
        return text
    text = language.comments.sub(_blanked, text)
    if language.name == "python":
        text = _DOCSTRING.sub(lambda found: found.group("before") + _spaces(found.group("string")), text)
    return text


# A string that is a statement of its own.
_DOCSTRING = re.compile(
    r"(?m)(?P<before>(?:\A|:|^|;)[ \t]*\n*[ \t]*)(?P<string>[rRuUbB]?(?:%s))(?=[ \t]*(?:;|$))" % _TRIPLE
)


def _blanked(found: "t.Match[str]") -> str:
    """Return a comment as spaces, and anything else unchanged."""
    if found.groupdict().get("rest"):
        return found.group()[: -len(found.group("rest"))] + _spaces(found.group("rest"))
    return _spaces(found.group()) if found.group("comment") else found.group()


def _spaces(text: str) -> str:
    """Return a space for each character except line ends."""
    return re.sub(r"[^\n]", " ", text)

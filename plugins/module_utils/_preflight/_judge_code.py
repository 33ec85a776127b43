# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge the statements of programs in languages other than the shell's. No I/O.

Evidence is local: a token header counts for the request that it is passed to, through variables, objects and functions.
"""

import re
import typing as t

from . import _spellings, _vocabulary
from ._languages import Language
from ._outcome import Function, Functions, Outcome
from ._statements import Statement, names, outside, statements
from ._values import ADDRESS, HEADER, PATH, REQUEST, UNKNOWN, Values, assignment, chain

_DEFINED = (
    re.compile(
        r"\s*(?:[\w@]+\s+)*?(?:def|function|func|fn|sub|fun|proc|method)\b\s*(?:\([^)]*\)\s*)?\*?\s*(?P<name>[\w:.!?]+)\s*(?:<[^>]*>)?\s*[({]?(?P<parameters>[^){]*)"
    ),
    re.compile(
        r"\s*(?:export\s+)?(?:const|let|var)\s+(?P<name>\w+)\s*=\s*(?:async\s*)?(?:function\s*\w*\s*)?\(?(?P<parameters>[\w\s,:={}]*)\)?\s*(?:=>|\{|\Z)"
    ),
    re.compile(
        r"\s*(?:(?:public|private|protected|internal|static|final|async|synchronized|override|virtual|inline)\s+)*(?!return|new|else|throw|await|yield)[\w<>\[\],.?*&: ]+?[\s*&]+(?P<name>\w+)\s*\((?P<parameters>[^)]*)\)\s*(?:throws\s[\w, .]+|const)?\s*(?:\Z|\{|=>|=)"
    ),
    re.compile(r"\s*(?:async\s+)?(?P<name>(?!if|for|while|switch|catch|return|elsif|foreach|unless|until|with)\w+)\s*\((?P<parameters>[\w\s,:='\"{}]*)\)\s*\Z"),
)
_MACRO = re.compile(r"\s*(?:#\s*define\s+(?P<name>\w+)\s+|(?:define|const_set|Readonly\w*|use constant|set|variable)\s*\(?\s*[\"':]?(?P<other>\w+)[\"']?\s*(?:,|=>|\s)\s*)(?P<value>.*)\Z", re.S)
_LOOPS = (
    re.compile(r"(?:\bfor|\bforeach|\beach)\s*(?:\(|\s)\s*(?:await\s+)?(?:my|const|let|var|auto|final)?\s*\(?(?P<names>[\w$\s,*&<>]+?)\)?\s+(?:in|of)\s+(?P<value>.*)", re.S),
    re.compile(r"\bforeach\s*\((?P<value>.*?)\s+as\s+(?P<names>[\w$\s,=>&]+)\)", re.S),
    re.compile(r"\bfor(?:each)?\s+(?:my|our)?\s*(?P<names>\$\w+)\s*(?P<value>\(.*)", re.S),
    re.compile(r"\bfor\s+(?P<names>[\w\s,]+?):?=\s*range\s+(?P<value>.*)", re.S),
    re.compile(r"\bfor\s*\((?:final\s+)?[\w<>]+\s+(?P<names>\w+)\s*:\s*(?P<value>.*)\)", re.S),
    re.compile(r"(?P<value>.*)\.(?:each\w*|forEach|map|flat_?[mM]ap|some|find)\b\s*(?:do|\{|\()?\s*(?:async\s*)?[|(]?(?P<names>[\w\s,]+?)\s*(?:\||\)?\s*=>)", re.S),
    re.compile(r"\bwith\s+(?P<value>.*?)\s+as\s+(?P<names>\w+)", re.S),
    re.compile(r"\b(?:try|using)\s*\((?:final\s+|var\s+)?[\w<>]+\s+(?P<names>\w+)\s*=\s*(?P<value>.*)", re.S),
    re.compile(r"(?P<value>.*)(?:\bdo|\{)\s*\|(?P<names>[^|]*)\|", re.S),
)
_OBJECT = re.compile(r"\s*(?:await\s+)?(?P<chain>\$?[\w$]+(?:(?:\.|->|::|:)\$?\w+)*)\s*(?:\(\s*(?P<argument>[$&]?\w+)\s*,)?")
_RESULT = re.compile(r"\b(?:return|yield|echo|print|=>)|Write-Output")
_HEADERS = re.compile(
    r"(?i)(?:\bheaders?|-headers|\bhttp_?header|\bcontext)\s*(?:=>?|:)?\s*(?P<name>[$@]?\w[\w.]*)\s*(?P<call>\()?(?=\s*[,)}\]]|\s*\(|\s|\Z)|[{,(]\s*(?P<short>headers)\s*[,})]"
)
_PASSED = re.compile(r"(?:\*\*|\.\.\.)\s*(?P<name>\w+)")
_CONSTRUCTED = re.compile(r"\s*(?:await\s+)?(?:new\s+)?(?:\w+\.)*(?P<name>[A-Z]\w*)\s*(?:\.new)?\s*\(")
_UNKNOWN_CALL = re.compile(r"(?<![\w.>:$])(?P<name>[a-z_][\w.]*)\s*\(")
_FETCHES = re.compile(r"(?i)(?:^|_|\.)(?:get|fetch|read|request|query|load|download|retrieve|curl|call|ask|pull|http|metadata|imds)|(?:Get|Fetch|Read|Request|Load|Metadata)")


_LIBRARIES = re.compile(
    r"(?i)\b(?:requests|httpx|urllib[23]?|aiohttp|https?|axios|got|node-fetch|undici|superagent|needle|phin|bent|ky|lwp|furl|mojo|reqwest|ureq|httplib2?)\b"
)
_NOT_CLIENTS = frozenset(
    "import from use using require const let var my as default function request requests http https urllib urllib2 Request Session new parse error "
    "qw strict Simple UserAgent Tiny LWP HTTP urlparse urljoin quote urlencode exceptions RequestException URLError HTTPError".split()
)


def _undefined(text: str) -> str:
    """Return *text* without the name of the function that it defines."""
    return re.sub(r"\b(?:def|function|func|fn|sub|fun)\s+\w+", "", text)


class CodeJudge:
    """Judge one program; functions and variables of the whole program are known from a first pass."""

    def __init__(self, outcome: Outcome, language: Language, shell: t.Callable[[str, int, Values], t.Optional[Outcome]]) -> None:
        self.outcome, self.name, self.shell = outcome, language.name, shell
        self.values, self.functions = Values(), Functions()
        self.final = False
        self.raw = False
        self.called: t.Set[str] = set()
        self.clients: t.Set[str] = set()
        self.prepared: t.Dict[str, t.Tuple[int, str, int]] = {}

    def run(self, text: str) -> None:
        """Judge a whole program whose comments are blanked."""
        listed = statements(text, self.name)
        self._define(listed)
        self.called = {name for one in listed for name in re.findall(r"\b(\w+)\s*\(", _undefined(one.text))}
        outcome = self.outcome
        for final in (False, True):
            self.final, self.outcome = final, outcome if final else Outcome()
            self.values = Values(self.values.known)
            self.prepared.clear()
            inside: t.Optional[Function] = None
            for one in listed:
                function = self.functions.at(one.line)
                if function is not inside:
                    self.values.parameters.clear()
                    if function is not None:
                        self.values.forget(function.parameters)
                    inside = function
                self._statement(one, function)
        for line, expanded, flags in self.prepared.values():
            if flags & PATH and not flags & HEADER:
                outcome.request(line, expanded, flags)

    def _define(self, listed: t.Sequence[Statement]) -> None:
        """Find the functions; a body ends where a statement is not indented more than the definition."""
        for place, one in enumerate(listed):
            text = re.sub(r"\A(?:@.*\n)+", "", one.text)
            found = next((found for found in (pattern.match(text) for pattern in _DEFINED) if found), None)
            if found is None or re.match(r"\s*(?:return|if|for|while|else|switch|import|use|package|class|new|await)\b", text):
                continue
            last = one.line + one.text.count("\n")
            for following in listed[place + 1 :]:
                if following.indent <= one.indent:
                    break
                last = following.line + following.text.count("\n")
            parameters = [chain(part.split("=")[0].split(":")[0])[-1:] for part in found.group("parameters").split(",")]
            flat = [name for parts in parameters for name in parts]
            if last > one.line + one.text.count("\n") or len(found.group()) < len(one.text):
                self.functions.define(found.group("name").rpartition(".")[2], one.line, last, one.indent, flat)

    def _statement(self, one: Statement, function: t.Optional[Function]) -> None:
        """Judge one statement."""
        text = one.text
        defines = function is not None and function.first == one.line
        if defines and function is not None and text.lstrip().startswith("@"):
            flags = self.values.flags(text, self.values.expand(text, code=True))
            for name in function.parameters:
                if flags & ADDRESS and re.search(r"[\"'-]%s\b" % re.escape(name.replace("_", "-")), text):
                    self.values.put(name, "", flags & (ADDRESS | PATH), one.line)
        if defines and function is not None and function.last > one.line + text.count("\n"):
            for name, value in re.findall(r"(\w+)\s*(?::[^=,()]*)?=\s*([\"'][^\"']*[\"'])", text):
                self.values.put(name, value.strip("\"'"), self.values.flags(value, value), one.line)
            return
        expanded = self.values.expand(text, code=True)
        flags = self.values.flags(text, expanded)
        for name in names(text):
            flags |= self.functions.returned(name) if re.search(r"\b%s\s*\(|\b%s\b(?!\s*[=:(])" % (name, name), text) else 0
        self._loops(one, text)
        self._options(one, text, flags)
        if flags & ADDRESS and not _vocabulary.DENIED.search(text):
            self.values.fields(text, one.line)
        sends = self._sends(text, expanded, flags, function)
        if not sends:
            if self._assigns(one, text, expanded, flags) or self._extends(one, text, expanded, flags):
                return
            self._other(one, text, expanded, flags, function)
        else:
            self._request(one, text, expanded, flags, function)
            self._assigns(one, text, expanded, 0)
        self.outcome.mention(self.values.used)

    def _options(self, one: Statement, text: str, flags: int) -> None:
        """Remember options of the command line, and addresses of a whole class, that hold an address."""
        if flags & ADDRESS and re.search(r"(?i)add_argument|add_option|\.option\(|\boption\s|\.on\(|\barg\(|add_flag", text):
            for name in re.findall(r"[\"']--?([a-zA-Z][\w-]*)", text):
                for kept in (name.replace("-", "_"), "." + name.replace("-", "_")):
                    self.values.put(kept, "", flags & (ADDRESS | PATH), one.line)
        if flags & ADDRESS and re.match(r"\s*base_uri\b", text):
            self.values.put("class", "", flags & (ADDRESS | PATH), one.line)
        if re.match(r"\s*(?:import|from|use|using|require)\b|.*\brequire\s*\(", text) and _LIBRARIES.search(text):
            bare = re.sub(r"\b\w+\s+as\b", " ", text)
            bare = re.sub(r"[\"'][^\"']*[\"']", " ", bare)
            self.clients.update(name for name in re.findall(r"\w+", bare) if name not in _NOT_CLIENTS and not name.endswith(("Server", "Handler")))

    def _sends(self, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> bool:
        """Return whether the statement sends a request."""
        bare = outside(text)
        cleaned = _vocabulary.NOT_METHODS.sub(" ", bare)
        if _vocabulary.RAW_REQUEST.search(text) and (self.prepared or flags & ADDRESS) and not assignment(text):
            return True
        prepared = _vocabulary.PREPARED.search(cleaned)
        rest = _vocabulary.PREPARED.sub(" ", cleaned) if prepared else cleaned
        known = _vocabulary.BARE_CALLS.get(self.name)
        if any(re.search(r"(?<![\w.])%s(?:\.(?:get|head|request|urlopen|open|fetch|send))?\s*\(" % re.escape(name), cleaned) for name in self.clients):
            return True
        if any(re.search(r"(?<![\w.])%s\s*\(" % re.escape(name), bare) for name in self.prepared):
            return True
        if not any(name in self.prepared for name in names(text)):
            rest = _vocabulary.RESPONSES.sub(" ", rest)
        if _vocabulary.CALLS.search(rest) or _vocabulary.METHODS.search(rest) or (known and known.search(rest)):
            return not re.match(r"\s*(?:import|from|use|require|using|include)\b", text)
        ticks = re.search(r"`[^`]*(?:curl|wget)[^`]*`", text) if self.name in ("perl", "ruby", "php") else None
        return bool(ticks) or bool(_vocabulary.TOOLS.search(expanded) and _vocabulary.RUNS.search(bare) and flags & (ADDRESS | PATH))

    def _request(self, one: Statement, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> None:
        """Judge a statement that sends a request."""
        place = max(0, _spellings.find_address(text), 0)
        line = one.line_of(place if place else self._place(text))
        prepared = text
        for name in names(text):
            if name in self.prepared:
                kept = self.prepared.pop(name)
                prepared += " " + kept[1]
                expanded, flags = expanded + " " + kept[1], flags | kept[2]
        if _vocabulary.RAW_REQUEST.search(text) and self.prepared:
            for kept in self.prepared.values():
                flags |= kept[2]
            self.prepared.clear()
        if flags & REQUEST and (not flags & HEADER or _vocabulary.PUT.search(expanded)) and not _spellings.ITEM.search(text):
            self.outcome.token()
            return
        if self._shell(one, text, expanded, flags):
            return
        uncertain = UNKNOWN if self._headers_unknown(prepared) else 0
        if uncertain and function is not None and flags & ADDRESS and not flags & HEADER and self._calls_of(function):
            function.deferred = (line, expanded, flags)
            return
        if flags & ADDRESS and (flags & (PATH | HEADER) or "://" in expanded or self.raw or self._sends_item(flags, text)):
            self.outcome.request(line, expanded, flags | uncertain)
        elif flags & HEADER:
            self.outcome.token()
        elif _spellings.WHOLE_PATH.search(expanded) and not _spellings.names_other_host(expanded):
            self.outcome.unsure(line, expanded)
        if function is not None and not flags & ADDRESS or function is not None and set(function.parameters) & names(text):
            function.token = function.token or bool(flags & HEADER)
            function.plain = function.plain or not flags & HEADER
        called = self._called(text, function)
        if called is not None and flags & HEADER == 0 and called.token and not called.plain:
            self.outcome.lines.pop(line, None)
            self.outcome.token()

    def _calls_of(self, function: Function) -> bool:
        """Return whether the unknown headers are a parameter of *function*, which the file calls."""
        return any("header" in name.lower() for name in function.parameters) and function.name in self.called

    def _deferred(self, line: int, flags: int, called: Function) -> bool:
        """Judge a call of a function that passes its headers on; return whether it is one."""
        if called.deferred is None:
            return False
        both = flags | called.deferred[2]
        if flags & (HEADER | REQUEST):
            self.outcome.token()
        else:
            self.outcome.request(line, called.deferred[1], both & ~UNKNOWN)
        return True

    def _sends_item(self, flags: int, text: str) -> bool:
        """Return whether a request whose path is not seen goes to the service; an address alone may be anything."""
        return bool(flags & ADDRESS)

    def _place(self, text: str) -> int:
        """Return the place of the first variable with an address in a statement."""
        for found in re.finditer(r"[A-Za-z_]\w*", text):
            value = self.values.get(found.group())
            if value is not None and value.flags & ADDRESS:
                return found.start()
        return 0

    def _shell(self, one: Statement, text: str, expanded: str, flags: int) -> bool:
        """Judge a command of the shell that a program runs; return whether there is one."""
        if not (_vocabulary.TOOLS.search(expanded) and flags & (ADDRESS | PATH)):
            return False
        if not _vocabulary.RUNS.search(outside(text)) and "`" not in text:
            return False
        inner = self.shell(re.sub(r"[\"'`]\s*,\s*[\"'`]", " ", expanded), one.line, self.values)
        if inner is None:
            return False
        line = one.line_of(max(0, _spellings.find_address(text)))
        for what, certain in inner.lines.values():
            self.outcome.lines[line] = (what, certain)
        self.outcome.with_token = self.outcome.with_token or inner.with_token
        return bool(inner.lines) or inner.with_token

    def _headers_unknown(self, text: str) -> bool:
        """Return whether headers are passed whose content is not known."""
        for found in _HEADERS.finditer(text):
            name = chain(found.group("name") or found.group("short") or "")[-1:]
            if not name or name[0] in ("new", "None", "null", "nil", "undefined", "dict", "array", "http"):
                continue
            if self.functions.named(name[0]) or self.values.get(name[0]) is not None:
                continue
            if found.group("short") or name[0] in names(text):
                return True
        for passed in _PASSED.finditer(text):
            if self.values.get(passed.group("name")) is None:
                return True
        return False

    def _assigns(self, one: Statement, text: str, expanded: str, flags: int) -> bool:
        """Remember a variable; return whether the statement assigns one. *flags* is 0 for the result of a request."""
        macro = _MACRO.match(text)
        found = assignment(text)
        if macro and (found is None or macro.group("name")):
            found = ([macro.group("name") or macro.group("other")], macro.group("value"), False, False)
        annotated = re.match(r"\s*@\w+\(.*\)\s*(?:[\w<>]+\s+)+(?P<name>\w+)\Z", text, re.S) if found is None else None
        if annotated:
            found = ([annotated.group("name")], text, False, False)
        if found is None or re.match(r"\s*(?:if|elif|while|return|assert|elsif|unless|case|when)\b", text):
            return False
        targets, value, add, element = found
        result = self.values.expand(value, code=True)
        if flags and not element and not annotated:
            flags = self.values.flags(value, result) | flags & UNKNOWN
            for name in names(value):
                flags |= self.functions.returned(name) if re.search(r"\b%s\s*\(" % name, value) else 0
        if _vocabulary.DENIED.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", " ".join(targets))) or _vocabulary.DOCUMENTED.search(" ".join(targets)):
            flags &= HEADER
        made = _CONSTRUCTED.match(value)
        prepared = bool(flags & ADDRESS and _vocabulary.PREPARED.search(outside(value)))
        if made and not prepared and made.group("name") not in _vocabulary.LIBRARY_CONSTRUCTORS and not self.functions.named(made.group("name")):
            flags |= UNKNOWN if flags & ADDRESS else 0
        literal = bool(re.match(r"\s*(?:await\s+)?[rbfu@$]?[\"'`]", value)) and not prepared
        for name in targets:
            self.values.put(name, result.strip().strip("\"'`;") if literal and flags else ("" if not literal else result.strip().strip("\"'`;")), flags, one.line, add or element)
            if prepared and name != "_" and name != "err":
                self.prepared[name] = (one.line_of(max(0, _spellings.find_address(text))), expanded, flags)
            elif flags & ADDRESS and self.final and not element and not prepared:
                self.outcome.defined(name, one.line_of(max(0, _spellings.find_address(text))), expanded, flags)
        if flags & HEADER and not element and not re.match(r"[\w.]*(?:headers|request)", text):
            self.outcome.defines_header = True
        if element and flags & HEADER:
            self._mark(targets, flags)
        base = re.match(r"\s*([$\w]+(?:(?:\.|->)\w+)+)\s*\+?=", text)
        if base and flags & HEADER and not element:
            self.values.put(chain(base.group(1))[0], "", HEADER, one.line, add=True)
            self._mark(chain(base.group(1))[:1], flags)
        return True

    def _mark(self, targets: t.Iterable[str], flags: int) -> None:
        """Add *flags* to prepared requests."""
        for name in targets:
            if name in self.prepared:
                line, text, before = self.prepared[name]
                self.prepared[name] = (line, text, before | flags & (HEADER | REQUEST))

    def _extends(self, one: Statement, text: str, expanded: str, flags: int) -> bool:
        """Remember what a call adds to an object, such as a header or an address; return whether it does."""
        own = flags & (HEADER | REQUEST) or (flags & ADDRESS and _vocabulary.PREPARED.search(outside(text)))
        found = _OBJECT.match(text)
        if not own or not found or re.match(r"\s*(?:return|if|yield|throw|raise)\b", text):
            return False
        target = found.group("argument") if found.group("argument") and len(chain(found.group("chain"))) == 1 else None
        parts = chain(found.group("chain"))
        name = chain(target)[0] if target else (parts[0] if parts else "")
        if not name or _vocabulary.OUTPUT_CALLS.match(text):
            return False
        self.values.put(name, "", flags & (HEADER | REQUEST | ADDRESS | PATH), one.line, add=True)
        self._mark([name], flags)
        if flags & ADDRESS and _vocabulary.PREPARED.search(outside(text)):
            before = self.prepared.get(name, (one.line_of(self._spot(text)), "", 0))
            self.prepared[name] = (before[0], before[1] + expanded, before[2] | flags)
        return True

    def _spot(self, text: str) -> int:
        """Return the place of the address in a statement, or of the variable that holds it."""
        place = _spellings.find_address(text)
        return place if place >= 0 else self._place(text)

    def _loops(self, one: Statement, text: str) -> None:
        """Remember the variables of loops and blocks."""
        for pattern in _LOOPS:
            found = pattern.search(text)
            if not found:
                continue
            value = found.group("value")
            expanded = self.values.expand(value, code=True)
            flags = self.values.flags(value, expanded)
            for name in chain(found.group("names")):
                if name not in ("my", "const", "let", "var", "final"):
                    self.values.put(name, "", flags, one.line)
                    if flags & ADDRESS and _vocabulary.PREPARED.search(outside(value)) and name not in self.prepared:
                        self.prepared[name] = (one.line_of(max(0, _spellings.find_address(text))), expanded, flags)
            return

    def _called(self, text: str, inside: t.Optional[Function]) -> t.Optional[Function]:
        """Return the function of this file that the statement calls."""
        for found in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", outside(text)):
            function = self.functions.named(found.group(1))
            if function is not None and function is not inside:
                return function
        return None

    def _other(self, one: Statement, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> None:
        """Judge a statement that neither sends a request nor assigns a variable."""
        if function is not None and flags & (ADDRESS | HEADER) and (_RESULT.search(text) or function.last == function.first or self.name in ("ruby", "rust", "java", "perl")):
            function.returns |= flags & (ADDRESS | HEADER | PATH)
        self.outcome.mention(self.values.used)
        deferring = self._called(text, function)
        if deferring is not None and self._deferred(one.line, flags, deferring):
            return
        if not flags & ADDRESS or _vocabulary.ASSERTIONS.search(text):
            if flags & HEADER and not flags & ADDRESS and not _vocabulary.OUTPUT_CALLS.search(outside(text)):
                self.outcome.token()
            return
        if flags & REQUEST and not flags & HEADER:
            self.outcome.token()
            return
        line = one.line_of(self._spot(text))
        called = self._called(text, function)
        if called is not None:
            if not self.values.flags(text, expanded) & ADDRESS:
                return
            self.outcome.called(line, expanded, flags, called)
            return
        for found in _UNKNOWN_CALL.finditer(outside(text)):
            name = found.group("name")
            if _FETCHES.search(name) and not _vocabulary.DENIED.search(name) and ("://" in expanded or flags & PATH):
                self.outcome.unsure(line, expanded)
                return

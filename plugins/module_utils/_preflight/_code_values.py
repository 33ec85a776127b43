# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow assignments, loops, objects and options in programs. No I/O."""

import re
import typing as t

from . import _code_forms, _notation, _vocabulary
from ._outcome import Functions, Outcome
from ._statements import Statement, names, outside
from ._values import ADDRESS, HEADER, PATH, REQUEST, UNKNOWN, Values, assignment, chain

_MACRO = re.compile(
    r"\s*(?:@(?P<attribute>[a-z_]\w*)\s+(?=[\"'~])|\(def\w*\s+(?:\^:?\w+\s+)?(?P<form>[A-Za-z_][\w-]*)\s+(?=[\"(])|"
    r"#\s*define\s+(?P<name>\w+)\s+|(?:define|const_set|Readonly\w*|use constant|set|"
    r"variable)\s*\(?\s*[\"':]?(?P<other>\w+)[\"']?\s*(?:,|=>|\s)\s*)(?P<value>.*)\Z",
    re.S,
)
_LOOPS = (
    re.compile(
        r"(?:\bfor|\bforeach|\beach)\s*(?:\(|\s)\s*(?:await\s+)?(?:my|const|let|var|auto|"
        r"final)?\s*\(?(?P<names>[\w$\s,*&<>]+?)\)?\s+(?:in|of)\s+(?P<value>.*)",
        re.S,
    ),
    re.compile(r"\bforeach\s*\((?P<value>.*?)\s+as\s+(?P<names>[\w$\s,=>&]+)\)", re.S),
    re.compile(r"\bfor(?:each)?\s+(?:my|our)?\s*(?P<names>\$\w+)\s*(?P<value>\(.*)", re.S),
    re.compile(r"\bfor\s+(?P<names>[\w\s,]+?):?=\s*range\s+(?P<value>.*)", re.S),
    re.compile(r"\bfor\s*\((?:final\s+)?[\w<>]+\s+(?P<names>\w+)\s*:\s*(?P<value>.*)\)", re.S),
    re.compile(
        r"(?P<value>.*)\.(?:each\w*|forEach|map|flat_?[mM]ap|some|find)\b\s*(?:do|\{|\()?\s*(?:async\s*)?[|"
        r"(]?(?P<names>[\w\s,]+?)\s*(?:\||\)?\s*=>)",
        re.S,
    ),
    re.compile(r"\bwith\s+(?P<value>.*?)\s+as\s+(?P<names>\w+)", re.S),
    re.compile(r"\b(?:try|using)\s*\((?:final\s+|var\s+)?[\w<>]+\s+(?P<names>\w+)\s*=\s*(?P<value>.*)", re.S),
    re.compile(r"(?P<value>.*)(?:\bdo|\{)\s*\|(?P<names>[^|]*)\|", re.S),
)
_OBJECT = re.compile(
    r"\s*(?:await\s+)?(?P<chain>\$?[\w$]+(?:(?:\.|->|::|:)\$?\w+)*)\s*(?:\(\s*(?P<argument>[$&]?\w+)\s*,)?"
)
_CONSTRUCTED = re.compile(r"\s*(?:await\s+)?(?:new\s+)?(?:\w+\.)*(?P<name>[A-Z]\w*)\s*(?:\.new)?\s*[({]")
_LIBRARIES = re.compile(
    r"(?i)\b(?:requests|httpx|urllib[23]?|aiohttp|https?|axios|got|node-fetch|undici|superagent|needle|phin|bent|ky|"
    r"request(?:-promise(?:-native)?)?|ofetch|wretch|lwp|furl|mojo|reqwest|ureq|httplib2?)\b"
)
_LONGEST = 4000  # of the text that is kept of a prepared request
_NOT_CLIENTS = frozenset(
    "import from use using require const let var my as default function request requests http https urllib urlli"
    "b2 Request Session new parse error "
    "qw strict Simple UserAgent Tiny LWP HTTP urlparse urljoin quote urlencode exceptions RequestException URLError HTTPError".split()
)


def _assigned(text: str) -> t.Optional[t.Tuple[t.List[str], str, bool, bool]]:
    """Return what `assignment` does, also for macros, and for annotated fields with the whole text as value."""
    macro, found = _MACRO.match(text), assignment(text)
    name = macro.group("name") or macro.group("attribute") or macro.group("form") if macro else None
    if macro and (found is None or name):
        return [name or macro.group("other")], macro.group("value"), False, False
    if found is None:
        annotated = re.match(r"\s*@\w+\(.*\)\s*(?:[\w<>]+\s+)+(?P<name>\w+)\Z", text, re.S)
        return ([annotated.group("name")], text, False, False) if annotated else None
    return found


def _element(text: str) -> str:
    """Return the key of the element that a statement sets."""
    found = re.match(r"[^=]*[\[{]\s*[\"':]?(\w+)[\"']?\s*[\]}]\s*=", text)
    return "." + found.group(1) if found else ""


class Program:
    """The variables and functions of a program, and the prepared requests by the name of their variable."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.values, self.functions = Values(), Functions()
        self.final = False
        self.clients: t.Set[str] = set()
        self.prepared: t.Dict[str, t.Tuple[int, str, int]] = {}
        self.unsent: t.List[t.Tuple[int, str, int]] = []  # of functions that end before they send them
        self.data: t.Set[str] = set()  # variables that hold parsed answers
        self.created: t.Set[str] = set()  # variables that hold request objects
        self.shared: t.Set[str] = set()  # variables of the whole file that functions assign
        self.hooks: t.Set[str] = set()  # classes that add the token header to requests
        self.name = ""  # of the language

    def _options(self, one: Statement, text: str, flags: int) -> None:
        """Remember options of the command line, and addresses of a whole class, that hold an address."""
        if flags & ADDRESS and re.search(
            r"(?i)add_argument|add_option|\.option\(|\boption\s|\.on\(|\barg\(|add_flag", text
        ):
            for name in re.findall(r"[\"']--?([a-zA-Z][\w-]*)", text):
                for kept in (name.replace("-", "_"), "." + name.replace("-", "_")):
                    self.values.put(kept, "", flags & (ADDRESS | PATH), one.line)
        if flags & ADDRESS and re.match(r"(?i)\s*param\s*\(", text):
            for name, value in re.findall(r"\$(\w+)\s*=\s*([\"'][^\"'\n]*[\"'])", text):
                self.values.put(name, value.strip("\"'"), self.values.flags(value, value), one.line)
        if flags & ADDRESS and re.match(r"\s*base_uri\b", text):
            self.values.put("class", "", flags & (ADDRESS | PATH), one.line)
            self.outcome.passed(one.line, text)  # to the methods of the class, here or in another file
        elif flags & HEADER and re.match(r"\s*headers\b", text) and self.values.get("class") is not None:
            self.outcome.token()
        other = _code_forms.alias(text)
        if other:
            self.clients.add(other)
        if re.match(r"\s*(?:import|from|use|using|require)\b|.*\brequire\s*\(", text) and _LIBRARIES.search(text):
            bare = re.sub(r"\b\w+\s+as\b", " ", text)
            bare = re.sub(r"[\"'][^\"']*[\"']", " ", bare)
            self.clients.update(
                name
                for name in re.findall(r"\w+", bare)
                if name not in _NOT_CLIENTS and not name.endswith(("Server", "Handler"))
            )

    def _place(self, text: str) -> int:
        """Return the place of the first variable with an address in a statement."""
        for found in re.finditer(r"[A-Za-z_]\w*", text):
            value = self.values.get(found.group())
            if value is not None and value.flags & ADDRESS:
                return found.start()
        return 0

    def _assigns(self, one: Statement, text: str, expanded: str, flags: int) -> bool:
        """Remember a variable; return whether the statement assigns one. *flags* is 0 for the result of a request."""
        found = _assigned(text)
        if found is None or re.match(r"\s*(?:if|elif|while|return|assert|elsif|unless|case|when)\b", text):
            return False
        targets, value, add, element = found
        result = self.values.expand(value, code=True)
        if flags and not element and value != text:
            flags = self.values.flags(value, result) | flags & UNKNOWN
            for name in names(value):
                returned = self.functions.returned(name)
                flags |= returned if returned and re.search(r"\b%s\s*\(" % name, value) else 0
        parsed = not element and _code_forms.is_parsed(outside(value)) and not _notation.has_address(value)
        self.data = self.data.union(targets) if parsed else self.data.difference(targets)
        flags, prepared = self._held(targets, value, 0 if parsed else flags)
        if not element and not prepared and self._answered(one, value, result, flags):
            flags = 0
        literal = bool(re.match(r"\s*(?:await\s+)?[rbfu@$]?[\"'`]", value)) and not prepared
        content = result.strip().strip("\"'`;") if literal else ""
        place = one.line_of(max(0, _notation.find_address(text)))
        flags |= self._hooked(value)
        self._creates(targets, value, element)
        if flags & (ADDRESS | PATH) and self._completes(text, place, expanded, flags):
            return True
        if flags & UNKNOWN and flags & PATH and self.final and "://" in expanded and self._may_read(value):
            self.outcome.passed(place, expanded)
        local = self.functions.at(one.line) is not None and _code_forms.is_local(self.name, text, self.shared)
        key, own = (_element(text), self.values.flags(value, result)) if element and flags else ("", flags)
        for name in targets:
            self.values.put(name, content, flags, one.line, add or element, local)
            if prepared and name not in ("_", "err"):
                self.prepared[name] = (place, expanded, flags)
            elif own & ADDRESS and self.final and not prepared and not _vocabulary.DENIED.search(key):
                self.outcome.defined(key or name, place, expanded, own)
        self._headers(text, targets, flags, element)
        self.outcome.mention(self.values.used.difference([*targets, key]))
        return True

    def _answered(self, one: Statement, value: str, expanded: str, flags: int) -> bool:
        """Judge the call of a function whose result a statement assigns; return whether the result is an answer, not an address."""
        raise NotImplementedError

    def _held(self, targets: t.Sequence[str], value: str, flags: int) -> t.Tuple[int, bool]:
        """Return what a variable with these names holds, and whether it is a prepared request."""
        if _vocabulary.DENIED.search(
            re.sub(r"([a-z])([A-Z])", r"\1_\2", " ".join(targets))
        ) or _vocabulary.DOCUMENTED.search(" ".join(targets)):
            flags &= HEADER
        made = _CONSTRUCTED.match(value)
        prepared = bool(flags & ADDRESS and _vocabulary.PREPARED.search(outside(value)))
        if (
            made
            and not prepared
            and made.group("name") not in _vocabulary.LIBRARY_CONSTRUCTORS
            and not self.functions.named(made.group("name"))
        ):
            flags |= UNKNOWN if flags & ADDRESS else 0
        return flags, prepared

    def _hooked(self, text: str) -> int:
        """Return HEADER if a request is sent with an object that adds the token header to it."""
        if not self.hooks:
            return 0
        used = names(text)
        for name in list(used):
            value = self.values.get(name)
            used.update(re.findall(r"\w+", value.text) if value is not None and _code_forms.hooks(value.text) else ())
        return HEADER if used & self.hooks and (_code_forms.hooks(text) or not names(text) & self.hooks) else 0

    @staticmethod
    def _may_read(text: str) -> bool:
        """Return whether code that is not in the file may read an address that *text* gives to it."""
        bare = outside(text)
        return not any(
            pattern.search(bare) for pattern in (_vocabulary.OUTPUT_CALLS, _vocabulary.DENIED, _vocabulary.DOCUMENTED)
        )

    def _made(self, value: str) -> t.Optional[t.Tuple[int, str, int]]:
        """Return the prepared request that a function of the file returns."""
        for name in re.findall(r"\b(\w+)\s*\(", outside(value)):
            function = self.functions.named(name)
            if function is not None and function.request is not None:
                return function.request
        return None

    def _creates(self, targets: t.Sequence[str], value: str, element: bool) -> None:
        """Remember which variables hold request objects."""
        fresh = not element and _code_forms.creates_request(value)
        self.created = self.created.union(targets) if fresh else self.created.difference(() if element else targets)
        made = self._made(value)
        if made is not None:
            self.prepared.update(dict.fromkeys(targets, made))

    def _completes(self, text: str, line: int, expanded: str, flags: int) -> bool:
        """Remember the address or path of a request object; return whether the statement sets that of one."""
        name = _code_forms.request_object(text)
        if name is None or (name not in self.prepared and name not in self.created):
            return False
        self.outcome.mention(self.values.used)
        made = self.values.get(name)
        before = self.prepared.get(name, (line, "", made.flags & (HEADER | REQUEST) if made is not None else 0))
        self.prepared[name] = (before[0], (before[1] + " " + expanded)[-_LONGEST:], before[2] | flags)
        return True

    def _headers(self, text: str, targets: t.Sequence[str], flags: int, element: bool) -> None:
        """Remember a header that a statement assigns to an object."""
        if element and flags & (HEADER | REQUEST):
            self._mark(targets, flags)
        base = re.match(r"\s*([$\w]+(?:(?:\.|->)\w+)+)\s*\+?=", text)
        if base and flags & HEADER and not element:
            for name in chain(base.group(1))[:1]:
                self.values.put(name, "", HEADER, 0, add=True)
                self._mark([name], flags)

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
        parts = chain(target)[:1] if target else parts
        name = parts[0] if parts else ""
        if not name or _vocabulary.OUTPUT_CALLS.match(text):
            return False
        self.values.put(name, "", flags & (HEADER | REQUEST | ADDRESS | PATH), one.line, add=True)
        self._mark([name], flags)
        if flags & ADDRESS and _vocabulary.PREPARED.search(outside(text)):
            before = self.prepared.get(name, (one.line_of(self._spot(text)), "", 0))
            self.prepared[name] = (before[0], (before[1] + expanded)[-_LONGEST:], before[2] | flags)
        return True

    def _spot(self, text: str) -> int:
        """Return the place of the address in a statement, or of the variable that holds it."""
        place = _notation.find_address(text)
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
                        self.prepared[name] = (one.line_of(max(0, _notation.find_address(text))), expanded, flags)
            return

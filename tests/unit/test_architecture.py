# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on the sources: which files may import which, where literals of the service may stand, and limits of size."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils import plugin_docs

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
UTILS = PLUGINS / "module_utils"
EMULATOR = CHECKOUT / "roles/emulator/files/imds_emulator"
COLLECTION = "ansible_collections.alicloud.imds.plugins."

# Each package of module_utils, and the packages that its files may import. Imports point down only.
BELOW: dict[str, set[str]] = {
    "_common": set(),
    "_imds": {"_common"},
    "_callers": {"_imds", "_common"},
    "_watch": {"_callers", "_imds", "_common"},
    "_command": {"_watch", "_callers", "_imds", "_common"},
    "_host": {"_command", "_watch", "_callers", "_imds", "_common"},
    "_openapi": {"_imds", "_common"},
    "_fleet": {"_openapi", "_imds", "_common"},
    "_preflight": {"_callers", "_imds", "_common"},
}
# Packages that may import only some files of a package below them: literals of the service, and (preflight) the firmware.
ONLY = {
    ("_callers", "_imds"): {"_service"},
    ("_watch", "_imds"): {"_service"},
    ("_watch", "_callers"): {"_file", "_paths", "_vocabulary"},
    ("_preflight", "_imds"): {"_dmi", "_service"},
    ("_preflight", "_callers"): {"_file", "_load", "_losses", "_report", "_vocabulary"},
}
# Files that do no I/O, and the only files of the collection that they may import.
PURE = {
    "_common._bounded": set(),
    "_common._text": set(),
    "_imds._service": set(),
    "_imds._tree": {"_imds._service"},
    "_imds._facts": {"_imds._tree"},
    "_common._places": set(),
    "_callers._vocabulary": {"_common._places"},
    "_watch._bpf_code": set(),
    "_watch._events": set(),
    "_watch._trace_format": set(),
    "_callers._losses": {"_callers._vocabulary", "_imds._service"},
    "_callers._paths": {"_imds._service"},
    "_watch._units": set(),
    "_watch._http_stream": {"_callers._vocabulary", "_callers._paths", "_imds._service"},
    "_watch._records": {"_callers._vocabulary", "_callers._paths", "_imds._service"},
    "_watch._tcp": {"_watch._http_stream", "_common._bounded", "_imds._service"},
    "_watch._noise": {"_watch._records", "_callers._vocabulary", "_watch._http_stream", "_common._bounded"},
    "_watch._bpf_parts": {"_watch._bpf_code"},
    "_watch._bpf_programs": {"_watch._bpf_code", "_watch._bpf_parts"},
}
# Files that do no I/O except format or parse times.
PURE_BUT_TIME = {
    "_common._utc": set(),
    "_callers._report": {"_callers._losses", "_callers._vocabulary", "_common._utc", "_imds._service"},
    "_callers._analyzer": {"_callers._vocabulary", "_callers._paths"},
}
# Files that capture or decode packets, read socket tables, convert addresses or notify systemd.
LISTENERS = {"_watch." + name for name in ("_bpf", "_capture", "_packets", "_run", "_sockets", "_tracepoint")}


def dotted(path: Path) -> str:
    """Return the dotted name of a file: ``_imds._client`` below plugins/module_utils, ``modules.fence`` for other plugins."""
    base = UTILS if UTILS in path.parents else PLUGINS
    return ".".join(path.relative_to(base).with_suffix("").parts).replace(".__init__", "")


FILES = {dotted(path): path for path in sorted(PLUGINS.rglob("*.py"))}


@functools.cache
def syntax(path: Path) -> ast.Module:
    """Return the syntax tree of a file; each file is parsed once."""
    return ast.parse(path.read_text())


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Return everything that *path* imports, also in functions and under TYPE_CHECKING.

    Files of the collection have their name in `FILES`; the name of a package stands for its ``__init__.py``.
    """
    names: set[str] = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.update(imported_from(path, node))
    return frozenset(names)


def imported_from(path: Path, node: ast.ImportFrom) -> Iterator[str]:
    if node.level and PLUGINS not in path.parents:  # the emulator's own files
        return
    if node.level:
        parents = [*path.relative_to(PLUGINS).parts[: -node.level], *(node.module.split(".") if node.module else [])]
        base = ".".join(parents)
    elif (node.module or "").startswith(COLLECTION):
        base = str(node.module)[len(COLLECTION) :]
    else:
        yield str(node.module)
        return
    base = base.partition("module_utils.")[2] if base.startswith("module_utils") else base
    for alias in node.names:
        whole = base + "." + alias.name if base else alias.name
        yield whole if whole in FILES else base


def own(path: Path) -> set[str]:
    """Return the files of the collection that *path* imports."""
    return set(imports(path) & set(FILES))


def roots(path: Path) -> set[str]:
    """Return the top-level packages that *path* imports, without those of the collection."""
    return {name.split(".")[0] for name in imports(path) - set(FILES)}


def package(name: str) -> str:
    return name.partition(".")[0]


MODULE_UTILS = [name for name, path in FILES.items() if UTILS in path.parents]


def test_no_import_of_the_collection_is_overlooked() -> None:
    """Every import that begins with a dot or with the collection's name is a file in `FILES`."""
    for path in FILES.values():
        nodes = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.ImportFrom)]
        inner = [node for node in nodes if node.level or str(node.module).startswith(COLLECTION)]
        assert all(set(imported_from(path, node)) <= set(FILES) for node in inner), path
    assert "_fleet._apply" in own(FILES["_fleet._report"])
    assert {"_command._tree", "_watch._run"} <= own(FILES["_command._main"]) | own(FILES["_command._callers"])
    assert "_imds._errors" in own(FILES["modules.metadata_info"])


def test_the_packages_are_those_of_the_table() -> None:
    present = {package(name) for name, path in FILES.items() if UTILS in path.parents}
    assert present == set(BELOW)
    assert [path.name for path in UTILS.glob("*.py")] == []


def test_imports_point_down() -> None:
    for name in MODULE_UTILS:
        for used in own(FILES[name]) - {name}:
            assert package(used) in BELOW[package(name)] | {package(name)}, (name, used)
            allowed = ONLY.get((package(name), package(used)))
            assert allowed is None or used.partition(".")[2] in allowed, (name, used)


def test_changes_of_instances_do_not_import_those_of_launch_templates() -> None:
    """The package _fleet/_provisioning uses the files beside it, and not the reverse."""
    inner = {name for name in FILES if name.startswith("_fleet._provisioning")}
    outer = {name for name in FILES if package(name) == "_fleet"} - inner
    assert inner and not [name for name in outer if own(FILES[name]) & inner]


def test_no_files_import_each_other_in_a_circle() -> None:
    """Imports for types count too."""
    graph = {name: own(path) - {name} for name, path in FILES.items()}
    while True:
        done = {name for name, used in graph.items() if not used}
        if not done:
            break
        graph = {name: used - done for name, used in graph.items() if name not in done}
    assert graph == {}


FOREIGN = {"_imds._secrets": {"ansible"}, "_openapi._requests": {"requests", "urllib3"}}


def test_module_utils_need_only_the_standard_library_and_each_other() -> None:
    found = {name: roots(FILES[name]) - set(sys.stdlib_module_names) for name in MODULE_UTILS}
    assert {name: foreign for name, foreign in found.items() if foreign} == FOREIGN


def test_the_preflight_reads_files_and_nothing_else() -> None:
    """The preflight sends no requests, neither to the metadata service nor to the API, so it can run anywhere."""
    names = {name for name in FILES if package(name) == "_preflight"}
    outside = {used for name in names for used in own(FILES[name]) if package(used) != "_preflight"}
    assert outside == {
        "_callers._file",
        "_callers._load",
        "_callers._losses",
        "_callers._report",
        "_callers._vocabulary",
        "_common._programs",
        "_common._text",
        "_common._utc",
        "_imds._dmi",
        "_imds._service",
    }
    assert not {root for name in names for root in roots(FILES[name])} & {
        "http",
        "socket",
        "urllib",
        "ssl",
        "threading",
    }
    assert {name for name in names if "_common._programs" in own(FILES[name])} == {"_preflight._system_packages"}


# The only file that starts programs, and the files that fork or replace this process.
STARTS_PROGRAMS = "_common._programs"
FORKS = {"fork": {"_host._as_user", "_preflight._isolation"}, "execvpe": {"_command._exec"}}
STARTERS = re.compile(r"fork\w*|exec[lv]\w*|spawn\w*|posix_spawn\w*|system|popen|startfile|run_command|get_bin_path")


def test_one_file_starts_programs() -> None:
    """Other files would have to repeat its precautions: absolute path, directory, environment, descriptors, time limit."""
    modules = {"subprocess", "multiprocessing", "concurrent.futures.process", "pty", "asyncio.subprocess"}
    assert {name for name, path in FILES.items() if imports(path) & modules} == {STARTS_PROGRAMS}
    found: dict[str, set[str]] = {}
    for name, path in FILES.items():
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Attribute) and STARTERS.fullmatch(node.attr) and "_loader" not in ast.dump(node):
                found.setdefault(node.attr, set()).add(name)
            assert not (isinstance(node, ast.ImportFrom) and node.module == "os"), name
    assert found == FORKS


PREFLIGHT_PURE = {"_preflight." + name for name in ("_callers", "_catalog", "_findings", "_libraries", "_versions")}


def test_preflight_judgments_do_no_io() -> None:
    pure = {*PREFLIGHT_PURE, "_callers._losses", "_callers._vocabulary", "_common._text", "_common._utc"}
    for name in PREFLIGHT_PURE:
        assert own(FILES[name]) <= pure, name
        assert not roots(FILES[name]) & {"os", "subprocess", "time"}, name


FLEET_PURE = {"_fleet." + name for name in ("_causes", "_exclude", "_instance", "_verdict", "_plan", "_report")}


def test_decisions_do_no_io() -> None:
    for name in FLEET_PURE:
        assert own(FILES[name]) <= {*FLEET_PURE, "_fleet._apply"}, name
        used = roots(FILES[name])
        assert not used & {"fcntl", "http", "os", "requests", "socket", "subprocess", "threading", "time"}, name


REPORT = "plugin_utils._report"
REPORT_IMPURE = {REPORT + "._report", REPORT + "._writer"}
# The owners of the choices in its argument specification
REPORT_OPTIONS = {"_fleet._verdict", "_host._fence_rules", "_imds._access_modes", "_preflight._catalog"}


# Names that files of the report need besides: of findings and verdicts, and the version of the collection.
REPORT_NAMES = {
    "_future": {"_fleet._provisioning._verdict"},
    "_gate": {"_preflight._catalog"},
    "_sarif": {"_preflight._catalog", "_command._version"},
    "_validation": {"_preflight._catalog"},
}


def test_the_fleet_report_does_no_io_of_its_own() -> None:
    """It renders what other modules returned. Two files know paths, `_page` reads its templates."""
    for name in (name for name in FILES if name.startswith(REPORT + "._")):
        allowed = (
            REPORT_OPTIONS if name == REPORT + "._options" else {"_common._atomic", "_common._text", "_common._utc"}
        )
        allowed = allowed | REPORT_NAMES.get(name[len(REPORT) + 1 :], set())
        assert {used for used in own(FILES[name]) if not used.startswith(REPORT)} <= allowed, name
        used = roots(FILES[name])
        assert not used & {"ansible", "fcntl", "http", "requests", "socket", "subprocess", "threading", "time"}, name
        assert name in REPORT_IMPURE or not own(FILES[name]) & REPORT_IMPURE | used & {"os", "stat", "tempfile"}, name


def test_templates_escape_everything() -> None:
    """Only the code beside the templates creates markup; they turn nothing off."""
    for path in (PLUGINS / "plugin_utils").rglob("*.j2"):
        assert not set(re.findall(r"\w+", path.read_text())) & {
            "safe",
            "autoescape",
            "raw",
            "forceescape",
            "xmlattr",
        }, path


def test_pure_files_do_no_io() -> None:
    pure = {**PURE, **PURE_BUT_TIME}
    assert {name: own(FILES[name]) for name in pure} == pure
    for name in pure:
        assert not roots(FILES[name]) & {"http", "os", "socket", "subprocess", "threading"}, name
        assert name in PURE_BUT_TIME or "time" not in roots(FILES[name]), name


DATA_PLANE = [name for name in FILES if package(name) in {"_imds", "_callers", "_watch", "_command"}]


def test_only_the_client_opens_connections() -> None:
    users = {name for name in DATA_PLANE if roots(FILES[name]) & {"http", "socket"}}
    assert users == {"_imds._connect", "_imds._http"} | LISTENERS
    assert not [name for name in LISTENERS if "connect(" in FILES[name].read_text()]
    assert {name for name in FILES if "_imds._http" in own(FILES[name])} == {"_imds._client", "_imds._errors"}


def test_only_the_probe_sends_normal_mode_requests() -> None:
    senders = {name for name in DATA_PLANE if ".send(" in FILES[name].read_text()}
    assert senders == {"_imds._access_modes"}


# The service's addresses, paths, headers and versions, also as parts of regular expressions.
LITERALS = re.compile(
    r"100\\?\.100\\?\.100\\?\.200|fd00:100|x-aliyun-ecs|api/token|security-credentials|2016-01-01"
    r"|/latest|latest/|alicloud-imds-probe",
    re.I,
)
# In these files, 80 is the number of a kernel function or the code of an instruction.
NUMBERS = {"_watch/_bpf_programs.py", "_watch/_capture.py"}
DOCUMENTED = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


def literals(path: Path) -> list[str]:
    """Return the constants of a file that are literals of the service; documentation does not count."""
    tree = syntax(path)
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.add(id(node.value))
        elif isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} & DOCUMENTED:
            prose.add(id(node.value))
        elif isinstance(node, ast.Slice):
            prose |= {id(part) for part in (node.lower, node.upper) if part is not None}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            port = node.value == 80 and "%s/%s" % path.parts[-2:] not in NUMBERS
            if port or (isinstance(text, str) and LITERALS.search(text)):
                found.append("%s, line %d: %.60r" % (path.name, node.lineno, node.value))
        elif isinstance(node, ast.Tuple) and [getattr(item, "value", None) for item in node.elts][:4] == [100] * 3 + [
            200
        ]:
            found.append("%s, line %d: the address as numbers" % (path.name, node.lineno))
    return found


def test_literals_of_the_service_are_in_one_file() -> None:
    sources = set(FILES.values()) - {FILES["_imds._service"]}
    sources -= set((PLUGINS / "doc_fragments").glob("*.py"))
    assert [text for path in sorted(sources) for text in literals(path)] == []
    assert len(literals(FILES["_imds._service"])) >= 8


def test_the_watch_is_separate_from_the_client() -> None:
    used = {it for name in FILES if package(name) in {"_watch", "_callers"} for it in own(FILES[name])}
    assert {package(name) for name in used} == {"_watch", "_callers", "_imds", "_common"}
    assert {name for name in used if package(name) == "_imds"} == {"_imds._service"}
    assert "_watch._http_stream" in own(FILES["_watch._tcp"])


def test_the_watch_and_the_client_use_the_same_token_header() -> None:
    client, watch = (FILES[name].read_text() for name in ("_imds._client", "_watch._http_stream"))
    assert re.search(r"from \._service import .*\bTOKEN_HEADER\b", client)
    assert re.search(r"from \.\._imds\._service import .*\bTOKEN_HEADER\b", watch)


def test_readers_of_records_do_not_import_the_watch() -> None:
    users = ["modules.callers_info", *(name for name in FILES if package(name) in ("_callers", "_preflight"))]
    assert not [name for name in users for used in own(FILES[name]) if package(used) == "_watch"]


# Plugins that send no requests to the service or the API.
SEND_NO_REQUESTS = {"callers_info", "fence", "preflight_info", "report", "tooling"}


def test_plugins_reach_the_service_only_through_the_options() -> None:
    for path in (CHECKOUT / "plugins").glob("[lm]o*/[a-z]*.py"):
        used = own(path)
        assert used & {"_imds._options", "_openapi._module"} or path.stem in SEND_NO_REQUESTS, path.name
        assert not used & {"_imds._client", "_imds._http", "_openapi._transport"}, path.name


# The shared options of the modules of each group in module_defaults
GROUPS = {"imds": "_imds._options", "api": "_openapi._options"}


@pytest.mark.parametrize(("group", "options"), GROUPS.items())
def test_each_default_of_an_action_group_fits_all_its_modules(group: str, options: str) -> None:
    """A module without one of the options would fail as soon as the group sets it."""
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["action_groups"]
    assert set(runtime) == set(GROUPS)
    shared = importlib.import_module(COLLECTION + "module_utils." + options).argument_spec()
    fitting = set()
    for path in (CHECKOUT / "plugins/modules").glob("*.py"):
        page = plugin_docs.get_docstring(str(path), fragment_loader, collection_name="alicloud.imds")[0]
        if set(shared) <= set(page["options"]):
            fitting.add(path.stem)
            assert page["attributes"]["action_group"]["membership"] == ["alicloud.imds." + group]
    assert set(runtime[group]) == fitting


# Functions that consist of a list or table
LONG_FUNCTIONS = {"_fields"}


@pytest.mark.parametrize("folder", [CHECKOUT / "plugins", EMULATOR], ids=lambda path: path.name)
def test_no_function_has_40_lines(folder: Path) -> None:
    long = {
        f"{path.name}: {node.name}"
        for path in folder.rglob("*.py")
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 40
        if node.name not in LONG_FUNCTIONS
    }
    assert long == set()


def lines_of_code(path: Path) -> int:
    """Return the number of lines without the header, tables and texts (top-level assignments that span several lines)."""
    text = path.read_text()
    tables = [node for node in syntax(path).body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    return len(text.splitlines()) - 4 - sum((node.end_lineno or 0) - node.lineno for node in tables)


def test_no_file_has_more_than_250_lines_of_code() -> None:
    """Modules are not limited, because they are mostly documentation."""
    paths = [*UTILS.rglob("*.py"), *EMULATOR.rglob("*.py")]
    assert {path.name: lines for path in paths if (lines := lines_of_code(path)) > 250} == {}

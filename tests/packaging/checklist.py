# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The points of the checklists for inclusion in the ansible package and for certification, evaluated on the installed tarball.

Sources, read on 2026-11-26:

* inclusion: ansible-collections/overview, ``collection_checklist.md`` at commit 0468d1c508b2ee5620607326fa80b85d80edd17e, to which
  the process in ansible-collections/ansible-inclusion refers
* certification: ansible-collections/partner-certification-requirements, ``docs/`` (``readmes.md``, ``readme-template.md``,
  ``static-analysis.md``, ``dependencies.md``) at commits 0ba21c31aa3dced61e409ae007f12b7e3d1faabe and
  6f86213d4cba8b53c509abfeb7b4fec710dea853; the import checks of ansible-collections/partner-certification-checker are those of
  galaxy-importer, which test_judges.py runs

A point that only a person or a service can decide, such as publication, is *open*: it is printed and fails nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.plugins import doc_fragments

CORE_FRAGMENTS = Path(doc_fragments.__path__[0])
PASS, FAIL, OPEN = "pass", "FAIL", "open"
REPOSITORY = "https://github.com/alicloud-imds/alicloud.imds"
SECTIONS = (
    "Description", "Requirements", "Installation", "Use cases", "Testing", "Contributing", "Communication", "Support",
    "Release notes and roadmap", "Related information", "License",
)  # fmt: skip
# Galaxy's importer requires one of them (CHECK_REQUIRED_TAGS).
REQUIRED_TAGS = set(
    "application cloud database eda infrastructure linux monitoring networking security storage tools windows".split()
)
PLUGIN_TYPES = set(
    """action become cache callback cliconf connection doc_fragments filter httpapi inventory lookup module_utils modules netconf shell
    strategy terminal test vars plugin_utils""".split()
)
# Rules of ansible-lint that a collection must not skip
ENFORCED_RULES = set(
    """risky-shell-pipe command-instead-of-shell meta-no-info package-latest no-handler no-log-password meta-runtime[unsupported-version]
    no-changed-when risky-file-permissions command-instead-of-module unnamed-task""".split()
)
QUERIES = {"get", "list", "query", "info", "gathered"}
DOCUMENTED = ("module", "lookup", "inventory", "filter", "role")


class Point(NamedTuple):
    """A point of a checklist: its result, and what was inspected or is wrong."""

    checklist: str
    name: str
    result: str
    inspected: str


class Collection:
    """The installed collection, the checkout with the files for developers, and the output of ``ansible-doc --metadata-dump``."""

    def __init__(self, installed: Path, checkout: Path, dump: dict[str, Any]) -> None:
        self.path, self.checkout = installed, checkout
        self.docs: dict[str, dict[str, Any]] = {kind: dump["all"].get(kind, {}) for kind in DOCUMENTED}
        self.readme = (installed / "README.md").read_text()
        self.galaxy = yaml.safe_load((checkout / "galaxy.yml").read_text())
        self.runtime = yaml.safe_load((installed / "meta/runtime.yml").read_text())

    def modules(self) -> dict[str, dict[str, Any]]:
        return {name.rpartition(".")[2]: page["doc"] for name, page in self.docs["module"].items()}

    def pages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and documentation of each module and plugin."""
        for kind in ("module", "lookup", "inventory", "filter"):
            for name, page in self.docs[kind].items():
                yield f"{kind} {name}", page

    def sources(self, *patterns: str) -> list[Path]:
        return sorted(path for pattern in patterns for path in self.path.glob(pattern) if path.is_file())

    def points(self) -> Iterator[Point]:
        """Yield all points of both checklists."""
        for checklist, part in (("inclusion", self.inclusion), ("certification", self.certification)):
            for name, wrong, inspected in part():
                if wrong is None:
                    yield Point(checklist, name, OPEN, inspected)
                else:
                    yield Point(checklist, name, FAIL if wrong else PASS, ", ".join(wrong[:5]) if wrong else inspected)

    def inclusion(self) -> Iterator[tuple[str, list[str] | None, str]]:
        version = self.galaxy["version"]
        yield (
            "published on Galaxy, version 1.0.0 or later",
            None,
            f"galaxy.yml has {version}; publication is a step of a person",
        )
        yield "public repository with tags for releases", None, self.galaxy["repository"]
        yield from self.policies()
        yield from self.conventions()
        yield from self.documentation()
        yield from self.management()
        yield from self.workflows()

    def policies(self) -> Iterator[tuple[str, list[str], str]]:
        policy = (self.path / "docs/releases.md").read_text()
        words = ("semantic versioning", "## Deprecation", "## Support", "## Releases")
        yield (
            "policy of releases, versions and deprecation",
            [word for word in words if word not in policy],
            "docs/releases.md",
        )
        yield "Ansible Code of Conduct", missing(["code_of_conduct.html"], self.readme), "README.md"
        yield (
            "public issue tracker",
            missing([f"{REPOSITORY}/issues"], str(self.galaxy["issues"])),
            self.galaxy["issues"],
        )
        version = str(self.galaxy["version"])
        yield "semantic version", [] if re.fullmatch(r"\d+\.\d+\.\d+", version) else [version], version
        gpl = "GNU GENERAL PUBLIC LICENSE"
        yield (
            "license file",
            missing([gpl, "Version 3"], (self.path / "LICENSE").read_text()),
            "LICENSE: GPL-3.0-or-later",
        )
        paths = self.sources(
            "plugins/**/*.py", "plugins/**/*.yml", "roles/**/*.py", "roles/**/*.yml", "playbooks/**/*.yml"
        )
        paths = [path for path in paths if path.stat().st_size]
        bare = [path.name for path in paths if "GPL-3.0-or-later" not in path.read_text()[:600]]
        yield "license header in every source", bare, f"{len(paths)} files of plugins, roles and playbooks"

    def conventions(self) -> Iterator[tuple[str, list[str], str]]:
        modules = self.modules()
        changing = {name for name, doc in modules.items() if "state" in doc.get("options", {})}
        readers = {name for name in modules if name.endswith(("_info", "_facts"))}
        returns_facts = [
            name for name, page in self.docs["module"].items() if "ansible_facts" in str(page["return"] or "")[:400]
        ]
        wrong = [name for name in returns_facts if not name.endswith("_facts")]
        yield "modules that return ansible_facts are named _facts", wrong, ", ".join(returns_facts)
        only_read = {
            name for name, doc in modules.items() if "nothing is changed" in str(doc["attributes"]["check_mode"])
        }
        yield (
            "modules that only read are named _info or _facts",
            sorted(only_read ^ readers),
            ", ".join(sorted(only_read)),
        )
        queries = [
            name for name in changing if QUERIES & set(map(str, modules[name]["options"]["state"].get("choices") or ()))
        ]
        yield "no state that queries", queries, ", ".join(sorted(changing))
        wrong = [name for name in readers if modules[name]["attributes"]["check_mode"]["support"] != "full"]
        yield "check mode in all _info and _facts modules", wrong, ", ".join(sorted(readers))
        wrong = [
            name
            for name, doc in modules.items()
            if not {"check_mode", "diff_mode", "platform"} <= set(doc.get("attributes", {}))
        ]
        yield "attributes of all modules", wrong, f"{len(modules)} modules have check_mode, diff_mode and platform"
        groups = {
            f"alicloud.imds.{group}.{name}" for group, names in self.runtime["action_groups"].items() for name in names
        }
        claimed = {
            f"{group}.{name}"
            for name, doc in modules.items()
            for group in doc.get("attributes", {}).get("action_group", {}).get("membership", [])
        }
        yield (
            "action groups complete",
            sorted(groups ^ claimed),
            f"{len(groups)} modules in {len(self.runtime['action_groups'])} groups",
        )
        kinds = {path.name for path in (self.path / "plugins").iterdir() if path.is_dir()}
        yield "only allowed types of plugins", sorted(kinds - PLUGIN_TYPES), ", ".join(sorted(kinds))

    def documentation(self) -> Iterator[tuple[str, list[str], str]]:
        pages = dict(self.pages())
        python = [
            name
            for name, doc in self.modules().items()
            if not re.search(r"Python 3\.6|controller", str(doc["attributes"]["platform"]))
        ]
        python += missing(["Python on managed nodes"], self.readme)
        yield (
            "Python versions in README and every module",
            python,
            "exception: Python 2 is not supported by ansible-core 2.17 and later",
        )
        undated = [name for name, page in pages.items() if not page["doc"].get("version_added")]
        yield "version_added of every module and plugin", undated, f"{len(pages)} modules and plugins"
        short = [
            name
            for name, page in pages.items()
            if re.search(r"[MP]\((?!alicloud\.imds\.|ansible\.)[^)]*\)", str(page["doc"]))
        ]
        yield "full names in M() and P()", short, "documentation of all modules and plugins"
        short = [
            name for name, page in pages.items() if name.startswith("module") and list(short_actions(page["examples"]))
        ]
        yield "full names of modules in examples", short, "examples of all modules"
        fragments = [
            f"{path.name}: {name}"
            for path in self.sources("plugins/*/*.py")
            for block in re.findall(r"extends_documentation_fragment:\n((?: +- .*\n)+)", path.read_text())
            for name in re.findall(r"- (\S+)", block)
            if "." not in name and not (CORE_FRAGMENTS / f"{name}.py").exists()
        ]
        yield "full names of documentation fragments", fragments, "plugins/*/*.py"

    def management(self) -> Iterator[tuple[str, list[str], str]]:
        tags = self.galaxy["tags"]
        wrong = [tag for tag in tags if not re.fullmatch(r"[a-z][a-z0-9]*", tag)]
        yield "tags in galaxy.yml", wrong or ([] if 0 < len(tags) <= 20 else [str(len(tags))]), ", ".join(tags)
        yield "dependencies are part of the ansible package", sorted(self.galaxy["dependencies"]), "none"
        requires = str(self.runtime.get("requires_ansible", ""))
        yield "requires_ansible in meta/runtime.yml", [] if requires.startswith(">=2.") else ["missing"], requires
        log = yaml.safe_load((self.path / "changelogs/changelog.yaml").read_text())["releases"]
        yield "changelog", missing(["CHANGELOG.md"], self.readme), f"changelogs/changelog.yaml has {len(log)} releases"
        files = self.sources("**/*")
        size = sum(path.stat().st_size for path in files)
        large = [path.name for path in files if path.stat().st_size > 1 << 20]
        yield "no large files", large, f"{len(files)} files, {size >> 10} KiB"
        binary = [path.name for path in files if b"\0" in path.read_bytes()]
        yield "no binary files", binary, f"{len(files)} files"
        left = [
            path.name
            for path in files
            if path.suffix in (".pyc", ".orig", ".rej", ".swp", ".log") or path.name.startswith(".")
        ]
        yield "no temporary files", left, f"{len(files)} files"
        ignores = [path.name for path in self.checkout.glob("tests/sanity/ignore*")]
        yield "no ignore files of ansible-test sanity", ignores, "tests/sanity"

    def workflows(self) -> Iterator[tuple[str, list[str], str]]:
        folder = self.checkout / ".github/workflows"
        flows = {path.stem: yaml.safe_load(path.read_text()) for path in folder.glob("*.yml")}
        runs = {
            name: [step.get("run", "") for job in flow["jobs"].values() for step in job["steps"]]
            for name, flow in flows.items()
        }
        yield (
            "CI runs for every pull request",
            missing(["pull_request"], str(flows["pull-request"]["on"])),
            "pull-request.yml",
        )
        yield "CI runs regularly", missing(["cron"], str(flows["nightly"]["on"])), "nightly.yml"
        yield (
            "CI tests each supported ansible-core",
            missing(["make gates"], "\n".join(runs["nightly"])),
            "nightly.yml: make gates",
        )
        yield "sanity tests before a release", missing(["make sanity"], "\n".join(runs["release"])), "release.yml"

    def certification(self) -> Iterator[tuple[str, list[str], str]]:
        headings = [heading.strip().lower() for heading in re.findall(r"(?m)^## (.*)$", self.readme)]
        absent = [section for section in SECTIONS if section.lower() not in headings]
        yield "README: sections", absent, ", ".join(SECTIONS)
        links = re.findall(r"\]\(([^)]+)\)", self.readme)
        yield (
            "README: absolute links",
            [link for link in links if not link.startswith("https://")],
            f"{len(links)} links",
        )
        yield (
            "README: forum links and tag",
            missing(["https://forum.ansible.com/c/help", "https://forum.ansible.com/tag/"], self.readme),
            "README.md",
        )
        yield "README: no pip install of ansible", re.findall(r"pip3? install ansible\S*", self.readme), "README.md"
        yield "README: support for customers of Red Hat", missing(["**Create issue**"], self.readme), "README.md"
        tags = sorted(REQUIRED_TAGS & set(self.galaxy["tags"]))
        yield "a tag that Automation Hub requires", [] if tags else ["none of them"], ", ".join(tags)
        needs = [
            line
            for line in (self.path / "meta/ee-requirements.txt").read_text().splitlines()
            if not line.startswith("#")
        ]
        capped = [line for line in needs if re.search(r"==|<|~=|^ansible", line)]
        yield "Python requirements without upper limits", capped, f"meta/ee-requirements.txt: {', '.join(needs)}"
        lint = yaml.safe_load((self.checkout / ".ansible-lint").read_text())
        wrong = sorted(ENFORCED_RULES & set(lint.get("skip_list", []) + lint.get("warn_list", [])))
        wrong += [
            path
            for path in lint["exclude_paths"]
            if path.strip("/") in ("plugins", "roles", "extensions", "playbooks", "meta")
        ]
        wrong += [] if lint.get("profile") == "production" else ["profile"]
        yield "ansible-lint with the production profile, nothing skipped", wrong, ".ansible-lint"
        shipped = [name for name in ("tests", ".github", ".ansible-lint") if (self.path / name).exists()]
        yield "no files for developers in the tarball", shipped, "tests, .github, .ansible-lint"


def missing(words: list[str], text: str) -> list[str]:
    """Return the *words* that *text* lacks, as problems."""
    return [f"lacks {word}" for word in words if word not in text]


def short_actions(examples: str | None) -> Iterator[str]:
    """Yield the names of actions in *examples* that are not fully qualified."""
    keywords = {
        "name", "hosts", "vars", "tasks", "register", "when", "become", "loop", "delegate_to", "run_once", "module_defaults", "roles",
        "gather_facts", "block", "rescue", "until", "retries", "delay", "changed_when", "failed_when", "serial", "no_log", "environment",
        "become_user", "loop_control", "check_mode", "throttle", "ignore_errors", "always", "any_errors_fatal", "connection", "collections",
    }  # fmt: skip
    entries = list(yaml.safe_load(examples or "[]") or [])
    while entries:
        entry = entries.pop()
        for key in ("tasks", "block", "rescue", "always"):
            entries += entry.get(key, [])
        yield from (key for key in entry if key not in keywords and key.count(".") < 2)

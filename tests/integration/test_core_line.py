# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check with each line of ansible-core that plugins load, work together in a play, and are documented.

`make integration` runs it with the line in .venv, `make matrix` with all others. Loopback is enough.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, CHECKOUT, COLLECTIONS
from dumping import dump, dumped

INSTANCE = {"instance_id": "i-line", "default": True, "http_tokens": "required", "role": {"name": "EcsWebRole"}}
LOOKUP = "lookup('alicloud.imds.metadata', 'instance-id', 'nonsense', missing='null', wantlist=true, endpoint=imds)"
KEYS = "lookup('alicloud.imds.ram_credentials', endpoint=imds)"
ROLES = sorted(path.name for path in (CHECKOUT / "roles").iterdir())
DOCUMENTED = {
    "inventory": sorted(path.stem for path in (CHECKOUT / "plugins/inventory").glob("[a-z]*.py")),
    "module": sorted(path.stem for path in (CHECKOUT / "plugins/modules").glob("[a-z]*.py")),
    "lookup": sorted(path.stem for path in (CHECKOUT / "plugins/lookup").glob("[a-z]*.py")),
    "role": ROLES,
}


def test_facts_info_and_lookups_in_one_play(start_emulator, run_playbook) -> None:
    endpoint = start_emulator({"instances": [INSTANCE]}, listen="127.0.0.1:0").endpoint()
    expected = [
        "ansible_facts.alicloud_ecs.instance_id == 'i-line'",
        "info.metadata == {'instance-id': 'i-line', 'nonsense': none}",
        "modes.verdict == 'required'",
        LOOKUP + " == ['i-line', none]",
        KEYS + ".access_key is match('STS[.]')",
    ]
    tasks = [
        {"alicloud.imds.metadata_facts": {}},
        {"alicloud.imds.metadata_info": {"paths": ["instance-id", "nonsense"], "missing": "null"}, "register": "info"},
        {"alicloud.imds.access_modes_info": {}, "register": "modes"},
        {"ansible.builtin.assert": {"that": expected}},
    ]
    defaults = {"group/alicloud.imds.imds": {"endpoint": endpoint}}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": defaults,
        "vars": {"imds": endpoint},
        "tasks": tasks,
    }
    for options in ([], ["--check"]):
        run = run_playbook([play], {"node": {}}, *options)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "DEPRECATION WARNING" not in run.stderr


EVIL = "{{ lookup('pipe', 'id') }}"
HOSTILE = {
    "instance_id": "i-hostile",
    "default": True,
    "http_tokens": "required",
    "instance_metadata_tags": "enabled",
    "tags": {"evil": EVIL},
    "user_data": EVIL,
}
READ = "lookup('alicloud.imds.metadata', 'tags/instance/evil', endpoint=imds)"
# Ways on which a tag reaches a play, and values derived from it, one step after the other
STEPS = [
    {
        "fact": "{{ ansible_facts.alicloud_ecs.tags.evil }}",
        "user_data": "{{ ansible_facts.alicloud_ecs.user_data }}",
        "registered": "{{ info.metadata['tags/instance/evil'] }}",
        "registered_user_data": "{{ info.metadata['user-data'] }}",
        "looked_up": "{{ %s }}" % READ,
        "looked_up_unsafely": "{{ %s, allow_unsafe=true) | first }}" % READ[:-1].replace("lookup", "query"),
        "queried": "{{ %s | first }}" % READ.replace("lookup", "query"),
        "inside": "{{ {'tags': [ansible_facts.alicloud_ecs.tags]} }}",
    },
    {
        "again": "{{ fact }}",
        "joined": "{{ fact ~ looked_up }}",
        "other_host": "{{ hostvars.node.looked_up_unsafely }}",
        "item": "{{ inside.tags[0].evil }}",
        # The filters of the collection return values of other hosts.
        "filtered": "{{ (['node'] | map('extract', hostvars) | alicloud.imds.hardening_report_hosts(['node'], ['node'])).hosts[0].evil }}",
        "filtered_whole": "{{ ['node'] | map('extract', hostvars) | alicloud.imds.hardening_report_hosts(['node'], ['node']) }}",
    },
    {"last": "{{ again }}", "last_joined": "{{ joined }}", "last_filtered": "{{ filtered_whole.hosts[0].evil }}"},
]


def test_hostile_values_are_never_templates(start_emulator, run_playbook, tmp_path: Path) -> None:
    endpoint = start_emulator({"instances": [HOSTILE]}, listen="127.0.0.1:0").endpoint()
    (tmp_path / "evil.j2").write_text("{{ fact }}|{{ registered }}|{{ %s }}|{{ last }}|{{ filtered }}\n" % READ)
    paths = ["tags/instance/evil", "user-data"]
    report = {"hardening_report": {"host": "node", "evil": "{{ ansible_facts.alicloud_ecs.tags.evil }}"}}
    names = [name for step in STEPS for name in step if name not in ("inside", "filtered_whole")]
    tasks = [
        {"alicloud.imds.metadata_facts": {"gather_subset": ["all", "user_data"]}},
        {"alicloud.imds.metadata_info": {"paths": paths}, "register": "info"},
        {"ansible.builtin.set_fact": report},
        *({"ansible.builtin.set_fact": step} for step in STEPS),
        {"ansible.builtin.template": {"src": str(tmp_path / "evil.j2"), "dest": str(tmp_path / "evil.txt")}},
        {"ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": ["{{ fact }}", "{{ last }}"], "register": "looped"},
        dump(
            "{'looped': looped.results | map(attribute='msg'), %s}" % ", ".join(f"'{name}': {name}" for name in names)
        ),
    ]
    defaults = {"group/alicloud.imds.imds": {"endpoint": endpoint}}
    play = {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "vars": {"imds": endpoint}}
    run = run_playbook([{**play, "tasks": tasks}], {"node": {}})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "uid=" not in run.stdout + run.stderr
    (shown,) = dumped(run.stdout)
    assert shown.pop("looped") == [EVIL, EVIL]
    assert {name: value for name, value in shown.items() if value not in (EVIL, EVIL + EVIL)} == {}
    assert (tmp_path / "evil.txt").read_text() == "|".join([EVIL] * 5) + "\n"


# Ansible calls it in the main process, whose modules the process of each later task inherits.
MODULES = """
import sys
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_NAME = "modules"

    def v2_playbook_on_task_start(self, task, is_conditional):
        found = [name for name in sys.modules if name.endswith("plugin_utils._hardening._decisions")]
        self._display.display("loaded before %s: %d" % (task.get_name(), len(found)))
"""


def test_the_main_process_loads_the_filters_of_the_role(run_playbook, tmp_path: Path) -> None:
    (tmp_path / "modules.py").write_text(MODULES)
    tasks = [
        {"name": "Begin", "ansible.builtin.debug": {"msg": ""}},
        {"ansible.builtin.import_tasks": str(CHECKOUT / "roles/hardening/tasks/reset.yml")},
        {"name": "End", "ansible.builtin.debug": {"msg": ""}},
    ]
    plays = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    run = run_playbook(plays, {"a": {}, "b": {}}, environment={"ANSIBLE_CALLBACK_PLUGINS": str(tmp_path)})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "loaded before Begin: 0" in run.stdout
    assert "loaded before End: 1" in run.stdout
    assert "Hosts: 2]" in run.stdout


@pytest.fixture(scope="module")
def refused(run_shared_playbook) -> subprocess.CompletedProcess[str]:
    """Run each role once with an invalid state, on a host of its own."""
    tasks = [
        {
            "ansible.builtin.include_role": {"name": "alicloud.imds." + role},
            "vars": {role + "_state": "nonsense"},
            "when": f"inventory_hostname == '{role}'",
        }
        for role in ROLES
    ]
    return run_shared_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {role: {} for role in ROLES})


@pytest.mark.parametrize("role", ROLES)
def test_the_argument_specs_of_roles_are_checked(refused: subprocess.CompletedProcess[str], role: str) -> None:
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert re.search(rf"^{role} +: .*failed=1 ", refused.stdout, re.MULTILINE), refused.stdout
    assert f"value of {role}_state must be one of" in refused.stdout + refused.stderr


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_ansible_doc_shows_all(tmp_path: Path, kind: str) -> None:
    names = ["alicloud.imds." + name for name in DOCUMENTED[kind]]
    settings = tmp_path / "ansible.cfg"  # replaces the user's settings
    settings.touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_CONFIG": str(settings)}
    command = [BIN / "ansible-doc", "--type", kind, "--json", *names]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    # ansible-core 2.20 warns about one of its own collections.
    assert [line for line in done.stderr.splitlines() if "ansible/_protomatter" not in line] == []
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert list(shown) == names
    for name, entry in shown.items():
        text = entry["entry_points"]["main"] if kind == "role" else entry["doc"]
        assert text["short_description"] and text["options"], name

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each variable of the role in each form that -e, INI inventories and surveys pass: the templates and the validation accept all."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ...conftest import CHECKOUT

# Each test renders the variables of the role with ansible-core.
pytestmark = pytest.mark.slow

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 every string is a template
    trust_as_template = str

ROLE = CHECKOUT / "roles/emulator"
SPEC = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
TEMPLATES = {
    **yaml.safe_load((ROLE / "defaults/main.yml").read_text()),
    **yaml.safe_load((ROLE / "vars/main.yml").read_text()),
}
ADDRESSES = ["127.0.0.1:8100", "127.0.0.1:8200"]
INSTANCES = [{"instance_id": "i-1", "listen": "127.0.0.1:9000", "http_tokens": "required", "clients": ["10.0.0.1"]}]
ACCOUNT = {"account_id": "1600000000000000", "throttle": {"per_second": 5}}
FORMS: dict[str, list[Any]] = {
    "emulator_state": ["absent"],
    "emulator_instances": [INSTANCES, json.dumps(INSTANCES), json.dumps(INSTANCES[0]), yaml.safe_dump(INSTANCES)],
    "emulator_switches": [{"all": False}, '{"all": false}', "{all: no}", "all: off"],
    "emulator_listen": [
        ADDRESSES,
        ",".join(ADDRESSES),
        json.dumps(ADDRESSES),
        " , ".join(ADDRESSES),
        "\n".join(ADDRESSES),
    ],
    "emulator_control": ["127.0.0.1:8102"],
    "emulator_account": [ACCOUNT, json.dumps(ACCOUNT), yaml.safe_dump(ACCOUNT)],
    "emulator_admin": ["", None],
    "emulator_real_address": [True, "true", "True", "yes", "on", "1", 1],
    "emulator_keep_changes": [True, "true", "True", "yes", "on", "1", 1],
    "emulator_install_dir": ["/srv/emulator/a"],
    "emulator_data_dir": ["/srv/emulator/b"],
    "emulator_journal": ["", None],
    "emulator_service_manager": ["process"],
    "emulator_service_name": ["other"],
    "emulator_user": ["other"],
    "emulator_python": ["/usr/bin/python3.11"],
}
OFF = [False, "false", "False", "no", "off", "0", 0]
RESULTS = (
    "__emulator_settings",
    "__emulator_addresses",
    "__emulator_ports",
    "__emulator_address_wanted",
    "__emulator_serve",
)


def results(**given: Any) -> dict[str, Any]:
    """Return what the tasks use, from the defaults of the role and the variables in *given*."""
    facts = {"__emulator_manager": "process"}
    variables = {name: trust(value) for name, value in TEMPLATES.items()}
    templar = Templar(loader=DataLoader(), variables={**variables, **facts, **given})
    return {name: templar.template(variables[name]) for name in RESULTS}


def trust(value: Any) -> Any:
    return trust_as_template(value) if isinstance(value, str) else value


def test_the_table_has_every_variable() -> None:
    assert set(FORMS) == set(SPEC)


@pytest.mark.parametrize(("name", "value"), [(name, it) for name, forms in FORMS.items() for it in forms], ids=repr)
def test_each_form_means_the_same(name: str, value: Any) -> None:
    assert results(**{name: value}) == results(**{name: FORMS[name][0]})
    if value is not None:
        option = {key: it for key, it in SPEC[name].items() if key in ("type", "elements", "choices")}
        assert ArgumentSpecValidator({name: option}).validate({name: value}).error_messages == []


@pytest.mark.parametrize("value", OFF, ids=repr)
@pytest.mark.parametrize("name", ["emulator_real_address", "emulator_keep_changes"])
def test_false_is_the_default(name: str, value: Any) -> None:
    assert results(**{name: value}) == results() != results(**{name: True})


def test_the_configuration_has_typed_values() -> None:
    found = results(
        emulator_switches="{all: no}", emulator_instances=json.dumps(INSTANCES), emulator_listen=ADDRESSES[0]
    )
    assert found["__emulator_settings"] == {"instances": INSTANCES, "switches": {"all": False}, "control": {}}
    assert found["__emulator_addresses"] == [ADDRESSES[0], "127.0.0.1:9000"]

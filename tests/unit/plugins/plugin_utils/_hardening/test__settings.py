# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each variable of the role and of the playbooks, in each form that Ansible passes."""

from __future__ import annotations

import datetime
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.alicloud.imds.plugins.plugin_utils._hardening import _settings

from ....conftest import CHECKOUT
from .runs import DEFAULTS, settings

PLAYBOOKS = {
    *(
        "imds_api",
        "imds_become",
        "imds_fail_on",
        "imds_future",
        "imds_regions",
        "imds_report_dir",
        "imds_report_language",
    ),
    "imds_serial",
    *("imds_skip_blocked", "imds_subset"),
}
# Templates of Ansible convert the other variables of the emulator, or use them as text.
EMULATOR = {
    *("emulator_account", "emulator_instances", "emulator_keep_changes"),
    *("emulator_listen", "emulator_real_address", "emulator_switches"),
}
BOOLEANS = [name for name, convert in _settings.CONVERTERS.items() if convert is _settings.boolean]
LISTS = [name for name, convert in _settings.CONVERTERS.items() if convert is _settings.texts]
NUMBERS = [name for name, it in _settings.CONVERTERS.items() if it in (_settings.integer, _settings.floating)]
TEXTS = [name for name, convert in _settings.CONVERTERS.items() if convert is _settings.text]
# An empty answer of a survey is the default.
NEVER_EMPTY = {
    "hardening_record_dir": "~/.alicloud-imds/record",
    "hardening_api_host": "localhost",
    "hardening_verify_user": "nobody",
    "imds_report_dir": "~/.alicloud-imds/report",
}
MAPPINGS = {"emulator_account": {}, "emulator_switches": {}, "emulator_instances": []}
CHOICES = {
    "hardening_state": ("present", "absent"),
    "hardening_preflight": ("off", "report", "block"),
    "hardening_access": ("required", "disabled"),
    "hardening_empty_options": ("unknown", "default"),
    "hardening_identity": ("auto", "signed", "address", "stated", "trust"),
    "hardening_fence": ("off", "audit", "enforce"),
    "hardening_watch": ("observe", "keep", "off"),
    "hardening_lost_host": ("restore", "keep"),
    "hardening_undo_to": ("recorded", "optional", "keep"),
    "imds_report_language": ("en", "zh"),
}
WITH_OFF = [name for name, choices in CHOICES.items() if "off" in choices]
FALSE = [False, "false", "False", "FALSE", "no", "No", "off", "n", "f", "0", 0, 0.0, " no "]
TRUE = [True, "true", "True", "TRUE", "yes", "Yes", "on", "y", "t", "1", 1, 1.0, " yes\n"]
WAIVER = {"finding": "script_x:/a,b", "reason": "Goes, soon", "expires": "2099-12-31"}


def one(name: str, value: Any) -> Any:
    return _settings.normalize_one(value, name)


def each(names: Iterable[str], values: Iterable[Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield the name, the normalized value or the message of the error, and what was given, for each name and value."""
    for name, value in itertools.product(names, values):
        try:
            yield name, one(name, value), f"{name}: {value!r}"
        except _settings.SettingError as exc:
            yield name, str(exc), f"{name}: {value!r}"


def test_every_variable_of_the_role_and_of_the_playbooks_is_normalized() -> None:
    assert set(_settings.CONVERTERS) == set(DEFAULTS) | PLAYBOOKS | EMULATOR
    grouped = [
        *BOOLEANS,
        *LISTS,
        *NUMBERS,
        *TEXTS,
        *NEVER_EMPTY,
        *CHOICES,
        *MAPPINGS,
        "hardening_waivers",
        "hardening_remedies",
        "imds_fail_on",
        "imds_serial",
    ]
    assert sorted(grouped) == sorted(_settings.CONVERTERS)
    documented = yaml.safe_load((CHECKOUT / "roles/emulator/meta/argument_specs.yml").read_text())
    types = {name: it["type"] for name, it in documented["argument_specs"]["main"]["options"].items()}
    assert {name for name, kind in types.items() if kind not in ("str", "path")} == EMULATOR


def test_the_playbooks_use_normalized_variables_only() -> None:
    """A pattern of hosts is text for Ansible, too; an empty one is an error of ansible-playbook."""
    variable = re.compile(rf"([{{]+ |- )?\b({'|'.join([*DEFAULTS, *PLAYBOOKS])})\b(.*)")
    for path in (CHECKOUT / "playbooks").rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        for before, name, after in variable.findall(text):
            if before:
                # the host whose variables are used for all hosts must not choose where the report is written
                # and not what makes a pipeline fail
                shared = name in ("imds_report_dir", "imds_fail_on")
                facts = ", ansible_facts | default({})" if shared else ""
                assert f"| alicloud.imds.hardening_setting('{name}'{facts})" in after, (path.name, after)
        used = set(re.findall(r"\bimds_[a-z_]+(?= \| default\()", text))
        assert used <= PLAYBOOKS | {"imds_hosts", "imds_account"}, path.name


def test_conditions_in_every_form() -> None:
    conditions = ["drift", "finding:ack_node"]
    forms = (
        conditions,
        "drift,finding:ack_node",
        '["drift", "finding:ack_node"]',
        "drift\nfinding:ack_node\ndrift",
        tuple(conditions),
    )
    assert [one("imds_fail_on", it) for it in forms] == [conditions] * len(forms)
    assert [one("imds_fail_on", it) for it in (None, "", [], "[]", " ")] == [[]] * 5
    for wrong in ("drifft", ["finding:ack_nod"], True, {"drift": 1}):
        with pytest.raises(_settings.SettingError, match="imds_fail_on"):
            one("imds_fail_on", wrong)
    with pytest.raises(_settings.SettingError, match="Did you mean finding:ack_node"):
        one("imds_fail_on", "finding:ack_nod")
    with pytest.raises(_settings.SettingError, match="imds_fail_on"):
        _settings.normalize_one("drift", "imds_fail_on", {"imds_fail_on": []})


@pytest.mark.parametrize(("name", "default"), NEVER_EMPTY.items())
def test_an_empty_text_is_the_default(name: str, default: str) -> None:
    assert [one(name, value) for value in ("", None, " ", default)] == [default] * 4
    assert one(name, " /srv/x ") == "/srv/x" and one(name, "~/a") == "~/a"
    for value in (True, ["a"]):
        with pytest.raises(_settings.SettingError, match=f"{name} must be text, not .* Quote the value."):
            one(name, value)


FORMS = [
    {"a": True, "b": 2, "c": "2026-01-01T00:00:00Z"},
    '{"a": true, "b": 2, "c": "2026-01-01T00:00:00Z"}',
    "{'a': true, 'b': 2, 'c': 2026-01-01T00:00:00Z}",
    "a: true\nb: 2\nc: 2026-01-01T00:00:00Z\n",
]


@pytest.mark.parametrize("value", FORMS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", MAPPINGS)
def test_dictionaries_in_every_form(name: str, value: Any) -> None:
    expected = [FORMS[0]] if MAPPINGS[name] == [] else FORMS[0]
    assert one(name, value) == expected
    if MAPPINGS[name] == []:
        assert one(name, [value] if isinstance(value, dict) else f"[{value}]" if value[0] == "{" else value) == expected
    assert [one(name, empty) for empty in ("", None, "{}", "[]", {})] == [MAPPINGS[name]] * 5


def test_no_dictionary_is_an_error_that_names_the_variable() -> None:
    for name, got, given in each(MAPPINGS, ["all=false", "yes", 7, ["a"], "[1]", '["a"]', "{"]):
        assert isinstance(got, str) and name in got, given


def test_a_default_stays_as_it_is() -> None:
    assert {name: one(name, value) for name, value in DEFAULTS.items()} == DEFAULTS


def test_booleans_in_every_form() -> None:
    assert BOOLEANS
    for _name, got, given in each(BOOLEANS, FALSE):
        assert got is False, given
    for _name, got, given in each(BOOLEANS, TRUE):
        assert got is True, given
    for name, got, given in each(BOOLEANS, ["", "maybe", 2, -1, None, [], "None"]):
        assert str(got).startswith(f"{name} must be true or false, not "), given


TWO = [
    ["root", "daemon"],
    ("root", "daemon"),
    "root,daemon",
    " root , daemon,",
    "root\ndaemon\n",
    '["root", "daemon"]',
    "['root', 'daemon']",
    "[root, daemon]",
    ["root ", None, "", "daemon"],
]


def test_lists_in_every_form() -> None:
    assert LISTS
    for _name, got, given in each(LISTS, TWO):
        assert got == ["root", "daemon"], given
    for _name, got, given in each(LISTS, ["root", ["root"], '["root"]', "root,", " root\n"]):
        assert got == ["root"], given
    for _name, got, given in each(LISTS, ["", "[]", [], None, " ", ","]):
        assert got == [], given


def test_an_element_that_is_not_text_is_an_error() -> None:
    for name, got, given in each(LISTS, [[True], [["a"]], [{"a": 1}], True]):
        assert f"An element of {name} must be text" in got, given
    for name, got, given in each(LISTS, ['["root", ']):
        assert f"{name} is neither valid JSON nor YAML" in got, given


def test_batches_are_numbers_and_percentages() -> None:
    for _name, got, given in each(["imds_serial"], [[1, "10%", "100%"], '[1, "10%", "100%"]', "1,10%,100%"]):
        assert got == ["1", "10%", "100%"], given


def test_numbers_in_every_form() -> None:
    assert NUMBERS
    for _name, got, given in each(NUMBERS, [2, "2", 2.0, " 2 ", "2.0"]):
        assert got == 2, given
    for name, got, given in each(NUMBERS, ["", "soon", None, True, [], math.inf, "nan", "inf"]):
        assert str(got).startswith(f"{name} must be a number"), given


def test_only_float_variables_accept_fractions() -> None:
    assert one("hardening_wait_timeout", "0.5") == 0.5
    with pytest.raises(_settings.SettingError, match="hardening_quiet_period must be an integer, not '0.5'"):
        one("hardening_quiet_period", "0.5")


def test_text_is_stripped_and_other_types_are_errors() -> None:
    assert TEXTS
    for value, text in (("a b ", "a b"), ("", ""), (None, ""), (7, "7")):
        assert {got for _name, got, _given in each(TEXTS, [value])} == {text}
    for name, got, given in each(TEXTS, [True, ["a"], {"a": 1}]):
        assert re.match(f"{name} must be text, not .* Quote the value.", got), given


@pytest.mark.parametrize("name", CHOICES)
def test_only_choices_are_accepted(name: str) -> None:
    assert tuple(one(name, value) for value in CHOICES[name]) == CHOICES[name]
    with pytest.raises(_settings.SettingError, match=f"{name} must be one of {', '.join(CHOICES[name])}, not 'x'."):
        one(name, "x")
    with pytest.raises(_settings.SettingError, match=f"{name} must be one of .*, not True."):
        one(name, True)


def test_an_unquoted_off_is_off() -> None:
    assert WITH_OFF
    for _name, got, given in each(WITH_OFF, [False, "off", "False", "false", "no", 0, "0"]):
        assert got == "off", given


@pytest.mark.parametrize(
    "value",
    [
        [WAIVER],
        WAIVER,
        [{**WAIVER, "expires": datetime.date(2099, 12, 31), "host": None}],
        '[{"finding": "script_x:/a,b", "reason": "Goes, soon", "expires": "2099-12-31"}]',
        '{"finding": "script_x:/a,b", "reason": "Goes, soon", "expires": "2099-12-31"}',
        "[{'finding': 'script_x:/a,b', 'reason': 'Goes, soon', 'expires': '2099-12-31'}]",
        "- finding: script_x:/a,b\n  reason: Goes, soon\n  expires: 2099-12-31\n",
    ],
    ids=lambda value: type(value).__name__,
)
def test_waivers_in_every_form(value: Any) -> None:
    assert one("hardening_waivers", value) == [WAIVER]


def test_no_waivers_in_every_form() -> None:
    assert [one("hardening_waivers", value) for value in ([], "", "[]", None, {})] == [[]] * 5


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("script_x", "hardening_waivers must be a list of dictionaries, not 'script_x'"),
        (["script_x"], "Each element of hardening_waivers must be a dictionary, not 'script_x'"),
        ([{**WAIVER, "expires": ""}], "needs the keys finding, reason, expires; expires is missing"),
        ([{**WAIVER, "until": "x"}], "hardening_waivers accepts the keys host, finding, reason, expires, not until"),
        ([{**WAIVER, "reason": True}], "An element of hardening_waivers must be text, not True"),
    ],
)
def test_an_invalid_waiver_is_an_error(value: Any, message: str) -> None:
    with pytest.raises(_settings.SettingError, match=message):
        one("hardening_waivers", value)


def test_normalized_variables_have_no_prefix() -> None:
    given = settings(verify="no", fence=False, fence_users="root,daemon", wait_timeout="5")
    assert (given["verify"], given["fence"], given["fence_users"], given["wait_timeout"]) == (
        False,
        "off",
        ["root", "daemon"],
        5,
    )
    with pytest.raises(_settings.SettingError, match=r"^hardening_verify must be true or false, not 'maybe'\.$"):
        settings(verify="maybe")


@pytest.mark.parametrize("value", ["abc", "1,ten", "10 %", "-1", [1, "1.5"]])
def test_sizes_of_batches_are_checked(value: Any) -> None:
    """ansible-core would end with a traceback."""
    with pytest.raises(
        _settings.SettingError, match=r"^imds_serial must be numbers of hosts or percentages, such as 1 or 10%, not"
    ):
        one("imds_serial", value)
    assert one("imds_serial", "0,5,100%") == ["0", "5", "100%"]


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(_settings.SettingError) as caught:
        one("hardening_verify", "x" * 1000)
    assert len(str(caught.value)) < 150


def test_a_fact_of_the_host_is_no_variable() -> None:
    """A module that root on the host replaced can return any facts, and Ansible prefers them to the inventory."""
    for name in _settings.CONVERTERS:
        facts = {"hostname": "web1", name: "x"}
        with pytest.raises(_settings.SettingError, match="^%s is a fact of this host" % name):
            _settings.normalize({}, facts)
        with pytest.raises(_settings.SettingError, match="^%s is a fact of this host" % name):
            _settings.normalize_one("x", name, facts)


def test_other_facts_are_no_variables() -> None:
    assert _settings.normalize_one("yes", "hardening_verify", {"hardening_watch": "x", "hostname": "web1"}) is True
    assert _settings.normalize_one("yes", "hardening_verify", {}) is True

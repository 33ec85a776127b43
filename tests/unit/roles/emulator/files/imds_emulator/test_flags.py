# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of `serve` and their environment variables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from imds_emulator import config, flags, help_text


def loaded(words: List[str], environment: Optional[Dict[str, str]] = None) -> config.Config:
    options = help_text.parse(["serve", *words], environment or {})
    return config.load(options.config, flags.changes(options))


def test_options_create_an_instance_that_serves_every_client(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"\xff")
    words = [
        "--instance=i-test",
        "--tokens",
        "required",
        "--tag=a=b=c",
        "--tag",
        "d=",
        "--user-data",
        str(tmp_path / "data"),
    ]
    words += ["--role=R", "--spot-termination=2030-01-01T00:00:00Z", "--set", "disks=[]", "--set=hostname=true story"]
    result = loaded([*words, "--switch", "head=405", "--access-key=LTAI5tX:s:t"])
    assert result.instances == [
        {
            "instance_id": "i-test",
            "default": True,
            "http_tokens": "required",
            "instance_metadata_tags": "enabled",
            "tags": {"a": "b=c", "d": ""},
            "user_data_base64": "/w==",
            "role": {"name": "R"},
            "spot": {"termination_time": "2030-01-01T00:00:00Z"},
            "disks": [],
            "hostname": "true story",
        }
    ]
    assert (result.switches["head"], result.control["access_keys"]["LTAI5tX"]) == (405, {"secret": "s:t"})
    assert loaded(["--tokens=required"]).instances[0]["http_tokens"] == "required"


def test_options_change_an_instance_of_the_file_and_the_digest(tmp_path: Path) -> None:
    """The digest decides whether stored changes of the admin API still apply."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"instances": [{"instance_id": "i-1", "tags": {"x": "y"}}, {"instance_id": "i-2"}]}))
    file = ["--config", str(path)]
    changed = loaded([*file, "--instance", "i-1", "--tag", "a=b"])
    assert changed.instances[0]["tags"] == {"x": "y", "a": "b"}
    assert changed.instances[1] == {"instance_id": "i-2"}
    assert changed.digest != loaded(file).digest == config.parse(path.read_text()).digest
    with pytest.raises(ValueError, match="has 2 instances. Select one with --instance"):
        loaded([*file, "--tokens", "required"])
    with pytest.raises(ValueError, match="--instance i-3: not in .*config.json, which has i-1, i-2"):
        loaded([*file, "--instance", "i-3"])
    with pytest.raises(ValueError, match="command line.nonsense: unknown key"):
        loaded(["--set", "nonsense=1"])


def test_every_option_has_a_variable_and_wins_over_it(capsys: Any) -> None:
    _whole, serve = help_text.parser()
    names = {
        flags.variable(word) for action in serve._actions for word in action.option_strings if word.startswith("--")
    }
    # Kubernetes sets these for a Service with the name imds-emulator.
    assert not {name for name in names if name.startswith(("IMDS_EMULATOR_PORT", "IMDS_EMULATOR_SERVICE"))}
    environment = {
        "IMDS_EMULATOR_TOKENS": "required",
        "IMDS_EMULATOR_TAG": "a=b 'c=d e'",
        "IMDS_EMULATOR_BACKGROUND": "1",
    }
    environment.update({"IMDS_EMULATOR_REGION": "", "IMDS_EMULATOR_LISTEN": "[::1]:0 127.0.0.1:0"})
    options = help_text.parse(["serve"], environment)
    assert (options.tokens, options.tag, options.background) == ("required", ["a=b", "c=d e"], True)
    assert (options.region, options.listen) == (None, ["[::1]:0", "127.0.0.1:0"])
    options = help_text.parse(["serve", "--tokens=optional", "--tag", "x=y"], environment)
    assert (options.tokens, options.tag) == ("optional", ["x=y"])
    assert help_text.parse(["serve"], {"IMDS_EMULATOR_BACKGROUND": "false"}).background is False
    with pytest.raises(ValueError, match="IMDS_EMULATOR_BACKGROUND: must be true or false"):
        help_text.parse(["serve"], {"IMDS_EMULATOR_BACKGROUND": "maybe"})
    with pytest.raises(SystemExit):
        help_text.parse(["serve"], {"IMDS_EMULATOR_TOKENS": "always"})
    assert "--tokens: invalid choice: 'always'" in (message := capsys.readouterr().err)
    assert "environment variables in use: IMDS_EMULATOR_TOKENS" in message


@pytest.mark.parametrize(
    ("name", "value", "suggestion"),
    [
        ("IMDS_EMULATOR_TOKEN", "required", " (did you mean IMDS_EMULATOR_TOKENS?)"),
        ("IMDS_EMULATOR_HTTP_TOKENS", "required", " (did you mean IMDS_EMULATOR_TOKENS?)"),
        ("IMDS_EMULATOR_XYZ", "1", ""),
        ("IMDS_EMULATOR_PORT", "8100", ""),
    ],
)
def test_an_unknown_variable_is_refused(name: str, value: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape("%s: unknown variable%s; each option" % (name, suggestion))):
        help_text.parse(["serve"], {name: value})
    assert help_text.parse(["ctl", "health"], {name: value}).words == ["health"], "of serve only"


def test_variables_that_kubernetes_sets_for_services_are_accepted() -> None:
    environment = {}
    for service in ("", "ADMIN_"):
        prefix = "IMDS_EMULATOR_" + service
        environment.update({prefix + "SERVICE_HOST": "10.0.0.1", prefix + "SERVICE_PORT": "8100"})
        environment.update({prefix + "SERVICE_PORT_HTTP": "8100", prefix + "PORT": "tcp://10.0.0.1:8100"})
        for name, value in (("", "tcp://10.0.0.1:8100"), ("_PROTO", "tcp"), ("_PORT", "8100"), ("_ADDR", "10.0.0.1")):
            environment[prefix + "PORT_8100_TCP" + name] = value
    assert help_text.parse(["serve"], environment).tokens is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tags", "a=b"], "unrecognized arguments: --tags a=b (did you mean --tag?)"),
        (["--connections", "x"], "argument --connections: 'x' is not a whole number from 1"),
        (["--timeout", "0"], "argument --timeout: '0' is not a number of seconds, greater than 0"),
    ],
)
def test_a_wrong_option_of_serve_is_named_with_the_usage_of_serve(capsys: Any, words: List[str], message: str) -> None:
    with pytest.raises(SystemExit):
        help_text.parse(["serve", *words], {})
    shown = capsys.readouterr().err
    assert message in shown and shown.startswith("usage: imds-emulator serve ")

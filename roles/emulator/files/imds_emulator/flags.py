# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the options of `serve` that configure one instance, and the environment variables of all options."""

from __future__ import annotations

import argparse
import base64
import json
import re
import shlex
import typing as t

from . import switches
from .config_values import Config
from .control import settings as control_settings
from .fields import check_instance
from .json_lines import unrepeated
from .spelling import similar

PREFIX = "IMDS_EMULATOR_"
#: What Kubernetes adds for Services whose name starts with `imds-emulator`.
_OF_KUBERNETES = re.compile(
    PREFIX + r"([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_[A-Z]+(_[A-Z]+)?)?)"
)

#: Options that set one key of the instance: option, key, choices or None, metavar, help.
SIMPLE: t.Tuple[t.Tuple[str, str, t.Optional[t.Tuple[str, ...]], t.Optional[str], str], ...] = (
    ("--tokens", "http_tokens", ("optional", "required"), None, "required: refuse requests without a token (403)"),
    ("--endpoint", "http_endpoint", ("enabled", "disabled"), None, "disabled: refuse requests (403)"),
    ("--region", "region_id", None, "REGION", "region"),
    ("--zone", "zone_id", None, "ZONE", "zone"),
    ("--instance-type", "instance_type", None, "TYPE", "instance type"),
    ("--image", "image_id", None, "IMAGE", "image"),
    ("--hostname", "hostname", None, "NAME", "host name"),
    ("--account", "owner_account_id", None, "ID", "account ID"),
    ("--os", "os_type", ("linux", "windows"), None, "operating system"),
)


class Changes(t.NamedTuple):
    """The settings that options of the command line add to the configuration."""

    instance: t.Dict[str, t.Any]
    tags: t.Dict[str, str]
    switches: t.Dict[str, t.Any]
    access_keys: t.Dict[str, t.Any]

    def empty(self) -> bool:
        """Return whether there are no changes."""
        return not any(self)


NO_CHANGES = Changes({}, {}, {}, {})


def add_options(serve: argparse.ArgumentParser) -> None:
    """Add the options to the parser of `serve`."""
    group = serve.add_argument_group(
        "instance",
        "Without --config, --instance creates an instance that serves every client. With --config,\n"
        "these options change the instance --instance, or the only one of the file.",
    )
    group.add_argument("--instance", metavar="ID", help="instance ID")
    for option, _key, choices, metavar, text in SIMPLE:
        group.add_argument(option, choices=choices, metavar=metavar, help=text)
    group.add_argument("--role", metavar="NAME", help="RAM role, whose temporary credentials are served")
    group.add_argument(
        "--tag", action="append", metavar="KEY=VALUE", help="tag, can be repeated; enables the tags in the metadata"
    )
    group.add_argument("--user-data", metavar="FILE", help="file with the user data")
    group.add_argument("--spot-termination", metavar="TIME", help="ISO time (UTC) of the release of a spot instance")
    group.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="any key of the instance, can be repeated; VALUE is JSON, or else text; see `imds-emulator example-config`",
    )
    serve.add_argument("--switch", action="append", metavar="NAME=VALUE", help="switch, can be repeated; see below")
    serve.add_argument(
        "--access-key", action="append", metavar="ID:SECRET", help="access key for the control plane, can be repeated"
    )


def changes(options: argparse.Namespace) -> Changes:
    """Return the changes that the parsed options request.

    Raises: ValueError naming the option, OSError.
    """
    instance: t.Dict[str, t.Any] = {"instance_id": options.instance} if options.instance else {}
    for option, key, _choices, _metavar, _help in SIMPLE:
        value = getattr(options, option[2:].replace("-", "_"))
        if value is not None:
            instance[key] = value
    if options.role:
        instance["role"] = {"name": options.role}
    tags = dict(_pair("--tag", word) for word in options.tag or [])
    if tags:
        instance["instance_metadata_tags"] = "enabled"
    if options.user_data:
        with open(options.user_data, "rb") as stream:
            instance["user_data_base64"] = base64.b64encode(stream.read()).decode("ascii")
    if options.spot_termination:
        instance["spot"] = {"termination_time": options.spot_termination}
    instance.update(pairs("--set", options.set or []))
    keys: t.Dict[str, t.Any] = {}
    for word in options.access_key or []:
        name, colon, secret = word.partition(":")
        if not (name and colon and secret):
            raise ValueError("--access-key: must have the form ID:SECRET")
        keys[name] = {"secret": secret}
    return Changes(instance, tags, pairs("--switch", options.switch or []), keys)


def applied(config: Config, wanted: Changes, path: t.Optional[str]) -> Config:
    """Return a configuration with the changes. *path* is its file, or None for the built-in configuration.

    Raises: ValueError.
    """
    instances = list(config.instances)
    name = wanted.instance.get("instance_id")
    if path is None and name:
        instances = [{"instance_id": name, "default": True}]
    if wanted.instance:
        ids = [raw["instance_id"] for raw in instances]
        if name is None and len(ids) > 1:
            raise ValueError("%s has %d instances. Select one with --instance." % (path, len(ids)))
        if name is not None and name not in ids:
            raise ValueError("--instance %s: not in %s, which has %s" % (name, path, ", ".join(ids[:20])))
        index = ids.index(name) if name is not None else 0
        raw = {**instances[index], **wanted.instance}
        if wanted.tags:
            raw["tags"] = {**raw.get("tags", {}), **wanted.tags}
        instances[index] = check_instance(raw, "command line")
    control = config.control
    if wanted.access_keys:
        control = control_settings.merged(control, {"access_keys": wanted.access_keys})
    return Config(instances, switches.merged(config.switches, wanted.switches), config.digest, control)


def pairs(option: str, words: t.Iterable[str]) -> t.Dict[str, t.Any]:
    """Return the object of KEY=VALUE words. VALUE is JSON, or else text.

    Raises: ValueError.
    """
    result: t.Dict[str, t.Any] = {}
    for word in words:
        key, value = _pair(option, word)
        try:
            json.loads(value)
        except ValueError:
            result[key] = value
            continue
        try:
            result[key] = json.loads(value, object_pairs_hook=unrepeated)
        except ValueError as problem:
            raise ValueError("%s %s: %s" % (option, key, problem)) from None
    return result


def _pair(option: str, word: str) -> t.Tuple[str, str]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise ValueError("%s %s: must have the form KEY=VALUE" % (option, word))
    return key, value


def from_environment(
    parser: argparse.ArgumentParser, arguments: t.Sequence[str], environment: t.Mapping[str, str]
) -> t.Dict[str, t.List[str]]:
    """Return the arguments that environment variables add, by variable. An option on the command line replaces its variable.

    Raises: ValueError naming the variable, also for an unknown one.
    """
    found: t.Dict[str, t.List[str]] = {}
    _check_known(parser, environment)
    for action in parser._actions:
        option = action.option_strings[-1] if action.option_strings else ""
        value = environment.get(variable(option), "")
        given = any(word == option or word.startswith(option + "=") for word in arguments)
        if not option.startswith("--") or not value or given:
            continue
        if action.nargs == 0:  # a flag
            if value.lower() not in ("true", "1", "yes", "false", "0", "no"):
                raise ValueError("%s: must be true or false" % variable(option))
            found[variable(option)] = [option] if value.lower() in ("true", "1", "yes") else []
        elif isinstance(action, argparse._AppendAction):
            found[variable(option)] = ["%s=%s" % (option, word) for word in shlex.split(value)]
        else:
            found[variable(option)] = ["%s=%s" % (option, value)]
    return {name: words for name, words in found.items() if words}


def _check_known(parser: argparse.ArgumentParser, environment: t.Mapping[str, str]) -> None:
    known = [variable(word) for action in parser._actions for word in action.option_strings if word.startswith("--")]
    for name, value in environment.items():
        if value and name.startswith(PREFIX) and name not in known and not _is_of_kubernetes(name, value):
            reason = "%s: unknown variable%s; each option of `imds-emulator serve` has a variable, see --help"
            suggestion = similar(name[len(PREFIX) :], [word[len(PREFIX) :] for word in known], PREFIX)
            raise ValueError(reason % (name, suggestion))


def _is_of_kubernetes(name: str, value: str) -> bool:
    is_url = re.search("(?<!_SERVICE)(?<!_TCP)(?<!_UDP)(?<!_SCTP)_PORT$", name) is not None
    return _OF_KUBERNETES.fullmatch(name) is not None and (not is_url or "://" in value)


def variable(option: str) -> str:
    """Return the environment variable of an option: `--spot-termination` has IMDS_EMULATOR_SPOT_TERMINATION."""
    return PREFIX + option.lstrip("-").replace("-", "_").upper()

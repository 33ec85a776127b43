# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold the instances and switches of the emulator.

The admin API and the control plane change instances only through the class State, under one lock. The metadata service
uses a change from the next request on, or after the requested delay.
"""

from __future__ import annotations

import secrets
import threading
import typing as t
from functools import partial

from . import content, identity, switches, tree
from .clock import Clock, moment
from .config_values import Config
from .conflict import Conflict
from .fields import check_instance
from .index import Index, Listing
from .instance import OPTIONS, Instance, View
from .tokens import TokenStore


class State:
    """The instances, switches, tokens and the clock. Safe to use from several threads."""

    def __init__(self, config: Config, clock: Clock, started: t.Optional[float] = None) -> None:
        self.clock = clock
        self.started = clock.now() if started is None else started
        self.lock = threading.RLock()
        self.tokens = TokenStore(clock)
        self.changed: t.Callable[[], None] = lambda: None  #: called after each change, under the lock
        self._seed = secrets.token_bytes(32)
        self._switches = dict(config.switches)
        self._instances: t.Dict[str, Instance] = {}
        self._index = Index()
        for raw in config.instances:
            self._put(raw)

    def ids(self) -> t.List[str]:
        """Return the IDs of all instances."""
        with self.lock:
            return list(self._instances)

    def raw(self) -> t.List[t.Dict[str, t.Any]]:
        """Return the configurations of all instances as given, without default values."""
        with self.lock:
            return [instance.raw for instance in self._instances.values()]

    def settings(self, instance_id: str) -> t.Dict[str, t.Any]:
        """Return the settings of an instance with default values.

        Raises: KeyError.
        """
        with self.lock:
            return dict(self._instances[instance_id].settings)

    def switches(self) -> t.Dict[str, t.Any]:
        """Return the values of all switches."""
        with self.lock:
            return dict(self._switches)

    def is_lenient(self) -> bool:
        """Return the value of the switch `lenient`."""
        return bool(self._switches["lenient"])

    def pick(self, owner: t.Optional[str], client: str) -> t.Optional[str]:
        """Return the ID of the instance that serves a request, or None.

        This is the *owner* of the listening address; on a shared address the instance that lists the *client* address,
        or else the default instance.
        """
        with self.lock:
            if owner is not None:
                return owner if owner in self._instances else None
            return self._index.by_client(client) or self._index.default()

    def view(self, instance_id: str) -> t.Optional[View]:
        """Return the current view of an instance, or None if it is unknown."""
        with self.lock:
            instance = self._instances.get(instance_id)
            if instance is None:
                return None
            now = self.clock.now()
            if instance.view is None or now >= instance.view.until:
                instance.view = self._build_view(instance, now)
            return instance.view

    def instance(self, instance_id: str) -> t.Optional[Instance]:
        """Return an instance, which the caller must not change, or None if it is unknown."""
        return self._instances.get(instance_id)

    def listing(self, account: str, region: str) -> Listing:
        """Return the instances of an account in a region, in the order of their creation."""
        with self.lock:
            return self._index.listing(account, region)

    def regions(self) -> t.List[str]:
        """Return the sorted regions that contain an instance."""
        with self.lock:
            return self._index.regions()

    def with_role(self) -> t.List[Instance]:
        """Return the instances that have a RAM role."""
        with self.lock:
            return [instance for instance in self._instances.values() if instance.keys]

    def create(self, raw: t.Any) -> str:
        """Create an instance and return its ID.

        Raises: ValueError for an invalid configuration.
        """
        with self.lock:
            checked = check_instance(raw)
            if checked["instance_id"] in self._instances:
                raise Conflict("instance.instance_id: %s already exists" % checked["instance_id"])
            self._put(checked)
            self.changed()
            return str(checked["instance_id"])

    def delete(self, instance_id: str) -> None:
        """Delete an instance and its tokens.

        Raises: KeyError.
        """
        with self.lock:
            self._index.remove(self._instances.pop(instance_id))
            self.tokens.drop(instance_id)
            self.changed()

    def check_changes(self, instance_id: str, changes: t.Any) -> None:
        """Check *changes* as `update` does, except for a conflict with another instance.

        Raises: KeyError, ValueError.
        """
        with self.lock:
            raw = self._instances[instance_id].raw
        if not isinstance(changes, dict):
            raise ValueError("instance: must be an object")
        if changes.get("instance_id", instance_id) != instance_id:
            raise Conflict("instance.instance_id: cannot be changed; create another instance")
        check_instance({**raw, **changes})

    def update(self, instance_id: str, changes: t.Any) -> None:
        """Change settings of an instance: all of *changes* or, if one is invalid, none.

        Raises: KeyError, ValueError.
        """
        with self.lock:
            self.check_changes(instance_id, changes)
            old = self._instances[instance_id]
            rest = {key: value for key, value in changes.items() if key not in OPTIONS}
            options = {key: value for key, value in changes.items() if key in OPTIONS}
            if rest:
                new = self._put(check_instance({**old.raw, **rest}), replaces=instance_id)
                new.former_options, new.options_from = old.former_options, old.options_from
                if "faults" not in rest:
                    new.faults = old.faults
            if options:
                self.set_metadata_options(instance_id, **options)
            self.changed()

    def set_metadata_options(
        self,
        instance_id: str,
        http_tokens: t.Optional[str] = None,
        http_endpoint: t.Optional[str] = None,
        instance_metadata_tags: t.Optional[str] = None,
        delay: float = 0.0,
    ) -> t.Dict[str, str]:
        """Set the given metadata options, keep the others, and return all of them.

        The metadata service uses them after *delay* seconds, or after the switch options_delay if that is longer.

        Raises: KeyError for an unknown instance, ValueError for an invalid value.
        """
        given = {"http_tokens": http_tokens, "http_endpoint": http_endpoint}
        given["instance_metadata_tags"] = instance_metadata_tags
        wanted = {key: value for key, value in given.items() if value is not None}
        with self.lock:
            instance, now = self._instances[instance_id], self.clock.now()
            before = {key: instance.settings[key] for key in OPTIONS}
            raw = check_instance({**instance.raw, **wanted})
            instance.former_options = instance.options(now)
            instance.raw = raw
            instance.settings.update(wanted)
            instance.options_from = now + max(delay, self._switches["options_delay"])
            instance.view = None
            mode_changed = before["http_tokens"] != instance.settings["http_tokens"]
            if mode_changed and not self._switches["tokens_survive_mode_change"]:
                self.tokens.drop(instance_id)
            self.changed()
            return {key: instance.settings[key] for key in OPTIONS}

    def set_switches(self, changes: t.Any) -> None:
        """Change switches.

        Raises: ValueError naming the invalid switch.
        """
        with self.lock:
            self._switches = switches.merged(self._switches, changes)
            for instance in self._instances.values():
                instance.view = None
            self.changed()

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises: ValueError for a negative number.
        """
        with self.lock:
            self.clock.advance(seconds)
            self.changed()

    def _put(self, raw: t.Dict[str, t.Any], replaces: t.Optional[str] = None) -> Instance:
        instance_id = raw["instance_id"]
        old = self._instances.get(instance_id)
        if old is not None and replaces is None:
            raise ValueError("instance_id %s: used by two instances" % instance_id)
        for client in raw.get("clients", []):
            other = self._index.by_client(client)
            if other not in (None, replaces):
                raise Conflict("clients: %s and %s both list %s" % (other, instance_id, client))
        instance = Instance(raw, self._seed, self.started)
        if old is not None:
            self._index.remove(old)
        self._instances[instance_id] = instance
        self._index.add(instance, old.number if old else None)
        return instance

    def _build_view(self, instance: Instance, now: float) -> View:
        options = instance.options(now)
        settings: t.Mapping[str, t.Any] = {**instance.settings, **options}
        below = content.build(settings, self._switches, now, self.started, instance.keys)
        document = identity.document(settings)
        below["dynamic"] = {"instance-identity": {"document": document, "pkcs7": partial(identity.pkcs7, document)}}
        times = [moment(item["appears_at"], self.started) for item in content.timed(settings)]
        times.append(instance.options_from)
        if instance.keys:
            times.append(instance.keys.next_change(now))
        return View(
            instance.raw["instance_id"],
            options,
            tree.root(below, self._switches, settings),
            self._switches,
            instance.faults,
            min([time for time in times if time > now], default=float("inf")),
        )

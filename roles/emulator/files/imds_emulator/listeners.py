# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open and close the addresses that the emulator listens on, also while it runs."""

from __future__ import annotations

import threading
import typing as t

from .server import Server
from .state import State

DEFAULT_LISTEN = "127.0.0.1:8100"


class Listeners:
    """The listening addresses, and the changes of instances that open or close one."""

    def __init__(self, state: State, server: Server) -> None:
        self.control: t.Optional[str] = None  #: address of the control plane
        self.admin: t.Optional[str] = None  #: address of the admin API
        self._state = state
        self._server = server
        self._shared: t.List[str] = []
        self._own: t.Dict[str, str] = {}  #: instance ID -> the address that only it answers on
        self._change = threading.Lock()

    def open(self, shared: t.Optional[t.List[str]]) -> None:
        """Open the instances' own addresses, then the *shared* ones of the metadata service.

        If *shared* is None, the default address is opened unless every instance has its own.

        Raises: OSError naming the address that failed.
        """
        for instance_id in self._state.ids():
            self._listen_for(instance_id)
        if shared is None:
            shared = [] if set(self._own) == set(self._state.ids()) else [DEFAULT_LISTEN]
        self._shared = [self._server.listen(address) for address in shared]

    def addresses(self) -> t.Dict[str, t.Any]:
        """Return all listening addresses in the format of the ready file."""
        own = {instance_id: {"listen": self._own.get(instance_id)} for instance_id in self._state.ids()}
        return {"listen": self._shared, "admin": self.admin, "control": self.control, "instances": own}

    def create(self, raw: t.Any) -> str:
        """Create an instance, open its own address if it has one, and return its ID.

        Raises: ValueError for an invalid instance, OSError if its address cannot be opened.
        """
        with self._change:
            instance_id = self._state.create(raw)
            try:
                self._listen_for(instance_id)
            except OSError:
                self._state.delete(instance_id)
                raise
            return instance_id

    def update(self, instance_id: str, changes: t.Any) -> None:
        """Change an instance and move its own address if `listen` changes: all of *changes* or, if one fails, none.

        Raises: KeyError, ValueError, OSError if the new address cannot be opened.
        """
        with self._change:
            self._state.check_changes(instance_id, changes)
            before, bound = self._state.settings(instance_id)["listen"], self._own.get(instance_id)
            wanted = changes.get("listen", before)
            opened = self._server.listen(wanted, instance_id) if wanted and wanted not in (before, bound) else None
            try:
                self._state.update(instance_id, changes)
            except Exception:
                if opened:
                    self._server.close(opened)
                raise
            if opened or not wanted:
                self._stop_listening_for(instance_id)
            if opened:
                self._own[instance_id] = opened

    def delete(self, instance_id: str) -> None:
        """Delete an instance and close its own address.

        Raises: KeyError.
        """
        with self._change:
            self._state.delete(instance_id)
            self._stop_listening_for(instance_id)

    def _listen_for(self, instance_id: str) -> None:
        address = self._state.settings(instance_id)["listen"]
        if address:
            self._own[instance_id] = self._server.listen(address, instance_id)

    def _stop_listening_for(self, instance_id: str) -> None:
        bound = self._own.pop(instance_id, None)
        if bound:
            self._server.close(bound)

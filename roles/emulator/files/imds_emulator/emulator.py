# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How do the parts make one emulator? State, data side, control side, admin side, and the addresses they listen on."""

from __future__ import annotations

import threading
from typing import Any, Dict, List, NamedTuple, Optional

from . import config, storage
from .admin import Admin
from .control.journal import CallJournal
from .control.side import ControlSide
from .data_side import DataSide
from .state import State
from .journal import Journal
from .server import Server
from .stats import Stats


class Settings(NamedTuple):
    """What ``serve`` was told."""

    config: Optional[str] = None
    listen: Optional[List[str]] = None
    admin: Optional[str] = None
    journal: Optional[str] = None
    state: Optional[str] = None
    timeout: float = 30.0
    connections: int = 512
    control: Optional[str] = None


DEFAULT_LISTEN = "127.0.0.1:8100"


class Emulator:
    def __init__(self, settings: Settings) -> None:
        """Reads configuration and state. Raises ValueError and OSError."""
        loaded = config.load(settings.config)
        restored, clock, started = storage.restore(settings.state, loaded)
        self.settings = settings
        self.state = State(restored, clock, started)
        self.journal = Journal(clock, settings.journal)
        self.stats = Stats()
        data_side = DataSide(self.state, self.journal, self.stats, settings.timeout)
        self.data_server = Server(data_side.run, settings.connections)
        self.calls = CallJournal(clock, self.journal)
        self.control = ControlSide(self.state, self.calls, self.stats, settings.timeout, restored.control)
        self.control_server = Server(self.control.run, settings.connections)
        self.admin_server = Server(Admin(self, settings.timeout).run, 32)
        self.listening: List[str] = []
        self.admin_address: Optional[str] = None
        self.control_address: Optional[str] = None
        self._own: Dict[str, str] = {}  #: instance -> the address only it answers on
        self._change = threading.Lock()
        if settings.state:
            path, digest = settings.state, loaded.digest
            self.state.changed = lambda: storage.write_json(
                path, storage.snapshot(self.state, digest, self.control.settings())
            )

    def start(self) -> None:
        """Opens every address. Raises OSError naming the one that failed."""
        for instance_id in self.state.ids():
            self._listen_for(instance_id)
        shared = self.settings.listen
        if shared is None:
            shared = [] if set(self._own) == set(self.state.ids()) else [DEFAULT_LISTEN]
        self.listening = [self.data_server.listen(address) for address in shared]
        if self.settings.control:
            self.control_address = self.control_server.listen(self.settings.control)
        if self.settings.admin:
            self.admin_address = self.admin_server.listen(self.settings.admin)

    def stop(self) -> None:
        self.data_server.close_all()
        self.control_server.close_all()
        self.admin_server.close_all()
        self.journal.close()

    def addresses(self) -> Dict[str, Any]:
        """Where everything listens, as the ready file says it."""
        own = {instance_id: {"listen": self._own.get(instance_id)} for instance_id in self.state.ids()}
        return {
            "listen": self.listening,
            "admin": self.admin_address,
            "control": self.control_address,
            "instances": own,
        }

    # -- changes that may open or close an address

    def create(self, raw: Any) -> str:
        with self._change:
            instance_id = self.state.create(raw)
            try:
                self._listen_for(instance_id)
            except OSError:
                self.state.delete(instance_id)
                raise
            return instance_id

    def update(self, instance_id: str, changes: Any) -> None:
        with self._change:
            before = self.state.settings(instance_id)["listen"]
            self.state.update(instance_id, changes)
            if self.state.settings(instance_id)["listen"] != before:
                self._stop_listening_for(instance_id)
                try:
                    self._listen_for(instance_id)
                except OSError:
                    self.state.update(instance_id, {"listen": None})
                    raise

    def delete(self, instance_id: str) -> None:
        with self._change:
            self.state.delete(instance_id)
            self._stop_listening_for(instance_id)

    def _listen_for(self, instance_id: str) -> None:
        address = self.state.settings(instance_id)["listen"]
        if address:
            self._own[instance_id] = self.data_server.listen(address, instance_id)

    def _stop_listening_for(self, instance_id: str) -> None:
        bound = self._own.pop(instance_id, None)
        if bound:
            self.data_server.close(bound)

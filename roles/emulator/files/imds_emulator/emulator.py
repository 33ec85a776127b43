# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assemble the emulator from its state, its three servers and their listeners."""

from __future__ import annotations

import typing as t

from . import config, flags, storage
from .admin import Admin
from .control.journal import CallJournal
from .control.side import ControlSide
from .data_side import DataSide
from .journal import Journal
from .listeners import Listeners
from .server import Server
from .state import State
from .stats import Stats

ADMIN_CONNECTIONS = 32


class Settings(t.NamedTuple):
    """Options of the `serve` command."""

    config: t.Optional[str] = None
    listen: t.Optional[t.List[str]] = None
    admin: t.Optional[str] = None
    journal: t.Optional[str] = None
    state: t.Optional[str] = None
    timeout: float = 30.0
    connections: int = 512
    control: t.Optional[str] = None
    changes: flags.Changes = flags.NO_CHANGES


class Emulator:
    """The metadata service, the control plane and the admin API of one set of instances."""

    def __init__(self, settings: Settings, before: t.Optional["Emulator"] = None) -> None:
        """Read the configuration and the stored state. Continue the clock, journals and counters of *before*, which is stopped.

        Raises: ValueError, OSError.
        """
        loaded = config.load(settings.config, settings.changes)
        restored, clock, started = storage.restore(settings.state, loaded)
        clock = before.state.clock if before else clock
        self._settings = settings
        self.state: State = State(restored, clock, started)
        self.journal: Journal = before.journal if before else Journal(clock, settings.journal)
        self.stats: Stats = before.stats if before else Stats()
        state, stats = self.state, self.stats
        self._data_server = Server(DataSide(state, self.journal, stats, settings.timeout).run, settings.connections)
        self.calls: CallJournal = before.calls if before else CallJournal(clock, self.journal)
        calls = self.calls
        self.control = control = ControlSide(state, calls, stats, settings.timeout, restored.control)
        self._control_server = Server(control.run, settings.connections)
        self.listeners = Listeners(state, self._data_server)
        self.admin = Admin(state, self.listeners, self.journal, calls, stats, control, settings.timeout)
        self._admin_server = Server(self.admin.run, ADMIN_CONNECTIONS)
        if settings.state:
            path, digest = settings.state, loaded.digest
            state.changed = lambda: storage.write_json(path, storage.snapshot(state, digest, control.settings()))

    def start(self) -> None:
        """Open every address.

        Raises: OSError naming the address that failed.
        """
        self.listeners.open(self._settings.listen)
        if self._settings.control:
            self.listeners.control = self._control_server.listen(self._settings.control)
        if self._settings.admin:
            self.listeners.admin = self._admin_server.listen(self._settings.admin)

    def stop(self) -> None:
        """Close every address and the journal. Open connections are not waited for."""
        self._data_server.close_all()
        self._control_server.close_all()
        self._admin_server.close_all()
        self.journal.close()

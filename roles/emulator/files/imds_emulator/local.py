# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run an emulator in threads of the present process, for tests in Python."""

from __future__ import annotations

import typing as t

from .emulator import Emulator, Settings
from .fields import check_instance
from .flags import Changes

ACCESS_KEY_ID, ACCESS_KEY_SECRET = "LTAI5tEmulatorLocal", "emulated-secret"


class LocalEmulator:
    """An emulator with one instance, on free ports of 127.0.0.1. Usable as a context manager.

    *settings* are the keys of the instance, as in `imds-emulator example-config`. Addresses, `journal` and `calls` stay
    readable after `stop`, and `start` continues with them.
    """

    def __init__(self, instance_id: str = "i-test", **settings: t.Any) -> None:
        self.instance_id = instance_id
        self.access_key_id, self.access_key_secret = ACCESS_KEY_ID, ACCESS_KEY_SECRET
        self._settings = settings
        self._latest: t.Optional[Emulator] = None  #: running, or stopped and the source of what stays readable
        self._running = False

    def start(self) -> "LocalEmulator":
        """Start the emulator with the settings of the constructor: on free ports, and after `stop` on the same ones again.

        Tokens and role credentials are new, as after a restart of the process. Journal, calls and the clock continue.

        Raises: ValueError for an invalid setting, OSError.
        """
        self.stop()
        instance = check_instance({"instance_id": self.instance_id, "default": True, **self._settings})
        keys = {ACCESS_KEY_ID: {"secret": ACCESS_KEY_SECRET, "user": "emulator"}}
        changes = Changes(instance, {}, {}, keys)
        before = self._latest
        listen = [self.address] if before else ["127.0.0.1:0"]
        control = before.listeners.control if before else "127.0.0.1:0"
        emulator = Emulator(Settings(listen=listen, control=control, changes=changes), before)
        try:
            emulator.start()
        except OSError:
            emulator.stop()
            raise
        self._latest, self._running = emulator, True
        return self

    def stop(self) -> None:
        """Stop the emulator and close its connections. Does nothing if it does not run."""
        if self._latest is not None and self._running:
            self._latest.stop()
            self._running = False

    @property
    def address(self) -> str:
        """Return ADDRESS:PORT of the metadata service."""
        return str(self._started().listeners.addresses()["listen"][0])

    @property
    def url(self) -> str:
        """Return the URL of the metadata service, without a slash at the end."""
        return "http://" + self.address

    @property
    def control_url(self) -> str:
        """Return the URL of the control plane, for `access_key_id` and `access_key_secret`."""
        return "http://%s" % self._started().listeners.control

    def configure(self, **settings: t.Any) -> None:
        """Change settings of the instance. Requests use them at once.

        Raises: ValueError for an invalid setting, and then changes nothing.
        """
        self._emulator().listeners.update(self.instance_id, settings)

    def faults(self, *faults: t.Mapping[str, t.Any]) -> None:
        """Set the faults of the instance; without arguments, remove them. `imds-emulator serve --help` explains faults.

        Raises: ValueError for an invalid fault, and then changes nothing.
        """
        if any(isinstance(fault, (list, tuple)) for fault in faults):
            raise ValueError("faults: must be arguments, not a list: faults(first, second)")
        self.configure(faults=[dict(fault) if isinstance(fault, t.Mapping) else fault for fault in faults])

    def switches(self, **values: t.Any) -> None:
        """Change switches.

        Raises: ValueError.
        """
        self._emulator().state.set_switches(values)

    def control(self, **values: t.Any) -> None:
        """Change settings of the control plane.

        Raises: ValueError.
        """
        self._emulator().control.change(values)

    def advance(self, seconds: float) -> None:
        """Move the clock of the emulator forward: tokens and credentials expire, and events appear.

        Raises: ValueError for a negative number.
        """
        self._emulator().state.advance(seconds)

    def journal(self) -> t.List[t.Dict[str, t.Any]]:
        """Return the recorded requests of the metadata service, the oldest first."""
        return self._started().journal.after(0)

    def calls(self) -> t.List[t.Dict[str, t.Any]]:
        """Return the recorded calls of the control plane, the oldest first."""
        return self._started().calls.after(0)

    def _emulator(self) -> Emulator:
        if not self._running:
            raise RuntimeError("the emulator does not run; call start()")
        return self._started()

    def _started(self) -> Emulator:
        if self._latest is None:
            raise RuntimeError("the emulator was never started; call start()")
        return self._latest

    def __enter__(self) -> "LocalEmulator":
        return self.start()

    def __exit__(self, *_exception: t.Any) -> None:
        self.stop()

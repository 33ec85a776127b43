# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fake nft and systemctl programs that keep the state of a host in a folder, record their calls and fail on request."""

from __future__ import annotations

import shutil
from pathlib import Path

# POSIX shell, because it starts faster than Python. The code under test sets PATH to the folder of the fakes.
PROGRAM = """\
#!/bin/sh
state='{state}'
name="${{0##*/}}"
call="$name $*"
table="$state/table"
printf '%s\\n' "$call" >>"$state/calls"
while IFS='|' read -r pattern status message; do
    case $call in $pattern) echo "$message" >&2; exit "$status" ;; esac
done <"$state/failures"
{code}
"""
NFT = """
version=$(/bin/cat "$state/version")
case $* in *" -t "*) case $version in 0.9.0) echo "nft: invalid option -- 't'" >&2; exit 1 ;; esac ;; esac
case $* in *"netdev alicloud_imds"*) table="$state/egress" ;; esac
case $* in
"--version") echo "nftables v$version (Fake)" ;;
"list tables")
    echo "table ip filter"
    [ ! -e "$table" ] || echo "table inet alicloud_imds"
    [ ! -e "$state/egress" ] || echo "table netdev alicloud_imds" ;;
"-c -f -")
    text=$(/bin/cat)
    case $text in *" hook egress "*) [ -e "$state/egress-supported" ] || { echo "Error: unknown chain hook" >&2; exit 1; } ;; esac ;;
"-f -")
    [ -e "$state/egress-supported" ] || { echo "Error: unknown chain hook" >&2; exit 1; }
    /bin/grep -v '#' >"$state/egress" ;;
"-f "*)
    /bin/grep -v '#' "$2" >"$table"
    [ ! -e "$state/on-load" ] || . "$state/on-load" ;;
*)
    [ -e "$table" ] || { echo "Error: No such file or directory" >&2; exit 1; }
    case $* in
    delete*) /bin/rm "$table" ;;
    "list table inet "*) [ -e "$state/listed" ] && /bin/cat "$state/listed" || /bin/cat "$table" ;;
    *) /bin/cat "$table" ;;
    esac ;;
esac
"""
SYSTEMCTL = """
for unit; do :; done
case $1 in
is-active) [ -e "$state/unit-$unit" ] || exit 3 ;;
start) : >"$state/unit-$unit" ;;
stop) /bin/rm -f "$state/unit-$unit" ;;
show) [ -e "$state/missing-$unit" ] && echo LoadState=not-found || echo LoadState=loaded ;;
esac
"""


class FakeHost:
    """A folder with the fake programs, and with the files that the code under test writes."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self._state = folder / "state"
        for made in (self.root / "etc/systemd/system", self.root / "run/systemd/system", self.bin, self._state):
            made.mkdir(parents=True)
        for made in (self.root / "sys/class/net", self.root / "proc/net"):
            made.mkdir(parents=True)
        self.fail({})
        self.version("1.0.6")
        self.cards("eth0")
        for name, code in {"nft": NFT, "systemctl": SYSTEMCTL}.items():
            (self.bin / name).write_text(PROGRAM.format(state=self._state, code=code))
            (self.bin / name).chmod(0o755)

    def fail(self, failures: dict[str, tuple[int, str]]) -> None:
        """Let calls fail from now on: shell patterns for the whole command line, to exit status and error message."""
        lines = [f"{pattern}|{status}|{message}\n" for pattern, (status, message) in failures.items()]
        (self._state / "failures").write_text("".join(lines))

    def on_load(self, code: str) -> None:
        """Run shell code whenever nft loads rules; ``$2`` is the file of the rules."""
        (self._state / "on-load").write_text(code)

    def version(self, version: str) -> None:
        """Set the version of nft. Version 0.9.0 has no option -t."""
        (self._state / "version").write_text(version)

    def support_egress(self) -> None:
        """Let nft accept a chain with the hook egress."""
        (self._state / "egress-supported").touch()

    def cards(self, *names: str) -> None:
        """Set the network cards of the host, beside its loopback device."""
        net = self.root / "sys/class/net"
        shutil.rmtree(net)
        (net / "lo").mkdir(parents=True)
        for name in names:
            (net / name / "device").mkdir(parents=True)

    def listed(self, listing: str) -> None:
        """Set what nft lists, with counters, for the loaded table."""
        (self._state / "listed").write_text(listing)

    def without_units(self, *units: str) -> None:
        """Let systemctl know nothing of these units."""
        for unit in units:
            (self._state / f"missing-{unit}").touch()

    def load(self, table: str | None) -> None:
        """Change the loaded table without nft, as another administrator would; None removes it."""
        if table is None:
            (self._state / "table").unlink()
        else:
            (self._state / "table").write_text(table)

    @property
    def table(self) -> str | None:
        """The loaded table."""
        loaded = self._state / "table"
        return loaded.read_text() if loaded.exists() else None

    @property
    def egress(self) -> str | None:
        """The loaded table of the egress hook."""
        loaded = self._state / "egress"
        return loaded.read_text() if loaded.exists() else None

    def flush(self) -> None:
        """Remove all tables, as `nft flush ruleset` does."""
        for name in ("table", "egress"):
            (self._state / name).unlink(missing_ok=True)

    @property
    def active(self) -> set[str]:
        """The units that systemctl started."""
        return {path.name.removeprefix("unit-") for path in self._state.glob("unit-*")}

    def calls(self) -> list[str]:
        """Return the command lines since the last call of this method."""
        recorded = self._state / "calls"
        lines = recorded.read_text().splitlines() if recorded.exists() else []
        recorded.write_text("")
        return lines

    def files(self) -> dict[str, str]:
        """Return the content of the files that were written, and the targets of links, by path."""
        found = {}
        for path in self.root.rglob("*"):
            if path.is_symlink():
                found["/" + str(path.relative_to(self.root))] = "-> " + str(path.readlink())
            elif path.is_file():
                found["/" + str(path.relative_to(self.root))] = path.read_text()
        return found

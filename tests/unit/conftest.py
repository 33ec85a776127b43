# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make this checkout importable as ``ansible_collections.alicloud.imds``, whatever its folder is called.

Plugin loaders work as well, for example ``ansible.plugins.loader.lookup_loader.get("alicloud.imds.metadata")``.
``ansible-test units`` brings its own loader; then this file does nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from ansible.utils.collection_loader import AnsibleCollectionConfig

CHECKOUT = Path(__file__).resolve().parents[2]
import lab  # noqa: E402

# A busy machine makes examples slow, which says nothing about the code.
hypothesis.settings.register_profile(
    "any-speed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-speed")


def _collections_root() -> Path:
    """A folder with ``ansible_collections/alicloud/imds`` in it: a link to the checkout, gone when Python ends."""
    if CHECKOUT.parts[-3:] == ("ansible_collections", "alicloud", "imds"):
        return CHECKOUT.parents[2]
    root = Path(tempfile.mkdtemp(prefix="imds-units-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    link = root / "ansible_collections" / "alicloud" / "imds"
    link.parent.mkdir(parents=True)
    link.symlink_to(CHECKOUT, target_is_directory=True)
    return root


if AnsibleCollectionConfig.collection_finder is None:
    collections_root = str(_collections_root())
    # For processes that a test starts, and for ansible-core's own configuration.
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = collections_root
    # Imported only now: it reads the configuration.
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([collections_root])


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[lab.Emulator]:
    """One emulator for the tests of the clients: plugins, openapi, command. Each test adds an instance of its own."""
    with lab.start_emulator({"instances": [{"instance_id": "i-unit000000"}]}, listen="127.0.0.1:0") as process:
        yield process


# What takes longer than an inner loop should, and concerns what few changes touch: `make thorough` runs these.
SLOW = (
    "command/test_launcher.py",
    "plugins/plugin_utils",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {Path(__file__).parent / name for name in SLOW}
    for item in items:
        if slow & {item.path, *item.path.parents}:
            item.add_marker(pytest.mark.slow)

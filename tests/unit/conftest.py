# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make this checkout importable as ``ansible_collections.alicloud.imds``, whatever its folder is called.

Plugin loaders work as well, for example ``ansible.plugins.loader.lookup_loader.get("alicloud.imds.metadata")``.
``ansible-test units`` has its own loader; then nothing is changed.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from ansible.utils.collection_loader import AnsibleCollectionConfig

CHECKOUT = Path(__file__).resolve().parents[2]
ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow$", re.MULTILINE)
import lab  # noqa: E402

# Every run tries the same examples, so that a failure comes from a change. IMDS_EXAMPLES=N tries N random ones instead.
# Examples are slow on a busy machine, which is not a fault of the code.
RANDOM_EXAMPLES = int(os.environ.get("IMDS_EXAMPLES", "0"))
hypothesis.settings.register_profile(
    "imds",
    deadline=None,
    derandomize=not RANDOM_EXAMPLES,
    max_examples=RANDOM_EXAMPLES or hypothesis.settings().max_examples,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("imds")


def _collections_root() -> Path:
    """Return a folder that contains ``ansible_collections/alicloud/imds``: a link to the checkout, removed at exit."""
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
    # For the processes that tests start, and for ansible-core's configuration.
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = collections_root
    # This import reads the configuration, so it must come after the assignment.
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([collections_root])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files in which all tests are slow where they would be deselected: to import them takes time, too."""
    unwanted = config.option.markexpr == "not slow" and collection_path.name.startswith("test_")
    if unwanted and collection_path.is_file() and ALL_SLOW.search(collection_path.read_text(encoding="utf-8")):
        return True
    return None


def pytest_collection_finish() -> None:
    """Keep the garbage collector from visiting the collected tests and imported modules again and again."""
    gc.freeze()


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[lab.Emulator]:
    """Start one emulator for all tests of clients; each test adds its own instance."""
    with lab.start_emulator({"instances": [{"instance_id": "i-unit000000"}]}, listen="127.0.0.1:0") as process:
        yield process

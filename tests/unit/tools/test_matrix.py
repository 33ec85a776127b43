# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make matrix` fails for what a supported line cannot do, and only tells it of a pre-release."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]

import lines  # noqa: E402
import matrix  # noqa: E402

pytestmark = pytest.mark.slow

FAILING = "def test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2, 'one is not two'\n"


def test_each_line_is_pinned_to_a_release_of_it() -> None:
    assert {path.stem for path in lines.FOLDER.glob("2.*.txt")} == {line.version for line in lines.LINES}
    for line in lines.LINES:
        assert f"\nansible-core=={line.version}." in line.constraints.read_text()


def test_the_oldest_line_is_the_one_that_the_collection_requires() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())
    oldest = runtime["requires_ansible"].partition(",")[0]
    assert oldest.startswith(f">={lines.LINES[0].version}.")


def test_oldest_newest_and_pre_release_run_without_request() -> None:
    chosen = [line.version for line in matrix.chosen_lines([])]
    stable = [line.version for line in lines.LINES if not line.pre_release]
    assert {stable[0], stable[-1], *(line.version for line in lines.LINES if line.pre_release)} <= set(chosen)
    assert [line.version for line in matrix.chosen_lines(["2.20", "2.17"])] == ["2.17", "2.20"]
    assert matrix.chosen_lines(["all"]) == list(lines.LINES)
    with pytest.raises(SystemExit, match="Unknown line 2.9"):
        matrix.chosen_lines(["2.9"])


@pytest.fixture
def pair(tmp_path, monkeypatch):
    (tmp_path / "test_it.py").write_text(FAILING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    monkeypatch.setattr(matrix, "steps", lambda *arguments: [("unit", command)])
    monkeypatch.setattr(matrix, "prepare", lambda *arguments: Path(sys.executable))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return lambda **kind: matrix.pair(
        lines.Line("2.99", ("3.11", "3.12"), ("3.9", "3.12"), ("3.11",), **kind), "3.11", Path(sys.executable)
    )


def test_a_failure_has_its_message(pair) -> None:
    report = pair()
    assert len(report.passed) == 1 and report.skipped == []
    (failure,) = report.failed
    assert "2.99 on Python 3.11: unit: " in failure and failure.endswith("::test_bad: AssertionError: one is not two")


def test_of_a_pre_release_it_is_told_and_no_failure(pair) -> None:
    report = pair(pre_release=True)
    assert len(report.passed) == 1 and report.failed == []
    ((why, failure),) = report.skipped
    assert "2.99 is a pre-release" in why and "one is not two" in failure


def test_a_step_that_cannot_start_is_a_failure(tmp_path) -> None:
    report = matrix.run("x", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    assert report.failed == ["x: ended with status 3 after 0 tests"]

# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The self-test of installed programs: what it accepts, and that its errors have the words of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _self_test
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

FALLBACK = '{"available": false, "unavailable_reason": "ecs-metadata facts ended with exit status %d. For ..."}'


class Programs:
    """Shell scripts in place of the command and the local fact."""

    def __init__(self, folder: Path) -> None:
        self.program, self.fact = folder / "ecs-metadata", folder / "alicloud_ecs.fact"
        self.write(self.program, "exit 0")
        self.write(self.fact, """echo '{"available": true}'""")

    def write(self, path: Path, code: str, mode: int = 0o755) -> None:
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(mode)

    def check(self, with_fact: bool = True) -> None:
        _self_test.check(str(self.program), str(self.fact) if with_fact else None, ("facts", "--timeout", "1"))


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_working_programs_pass(programs: Programs) -> None:
    programs.check()
    programs.write(programs.fact, """echo '{"available": false, "unavailable_reason": "no ECS instance"}'""")
    programs.check()


@pytest.mark.parametrize("status", [3, 4, 5, 6])
def test_a_service_that_does_not_answer_is_no_reason_to_fail(programs: Programs, status: int) -> None:
    programs.write(programs.fact, f"echo '{FALLBACK % status}'")
    programs.check()


def test_a_program_that_does_not_start_is_an_error_with_its_words(programs: Programs) -> None:
    programs.write(programs.program, "echo 'SyntaxError: invalid syntax' >&2; exit 1")
    with pytest.raises(HostError) as caught:
        programs.check(with_fact=False)
    problem = f"{programs.program} does not run after its installation (exit status 1): SyntaxError: invalid syntax"
    assert str(caught.value) == problem


@pytest.mark.parametrize("status", [1, 2, 126, 127, 134])
def test_a_program_that_cannot_read_facts_is_an_error_with_its_words(programs: Programs, status: int) -> None:
    programs.write(programs.program, f'[ "$1" = --help ] || {{ echo "$* broke" >&2; exit {status}; }}')
    programs.write(programs.fact, f"echo '{FALLBACK % status}'")
    with pytest.raises(HostError, match=rf"\(exit status {status}\): facts --timeout 1 broke$"):
        programs.check()
    programs.check(with_fact=False)


@pytest.mark.parametrize("output", ["", "not JSON", "[]", "{}", '{"available": false}'])
def test_a_local_fact_with_another_output_is_an_error(programs: Programs, output: str) -> None:
    programs.write(programs.fact, f"echo '{output}'; echo problem >&2")
    with pytest.raises(HostError, match=r"alicloud_ecs.fact does not run .*: problem"):
        programs.check()


@pytest.mark.parametrize("which", ["program", "fact"])
def test_a_file_that_may_not_be_executed_is_an_error(programs: Programs, which: str) -> None:
    programs.write(getattr(programs, which), "exit 0", mode=0o644)
    with pytest.raises(HostError, match="Cannot run .*: Permission denied.*noexec"):
        programs.check()


def test_settings_of_the_task_apply_and_nothing_else_of_its_environment(programs: Programs, monkeypatch) -> None:
    monkeypatch.setenv("ALICLOUD_IMDS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("PYTHONPATH", "/trap")
    programs.write(programs.program, 'echo "${ALICLOUD_IMDS_ENDPOINT-} ${PYTHONPATH-}" >&2; exit 1')
    with pytest.raises(HostError, match=r"\(exit status 1\): http://127.0.0.1:9$"):
        programs.check()

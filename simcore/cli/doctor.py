"""`simcore doctor`: whether this installation is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcore.cli.failures import CHECK_FAILED, DONE, SYSTEM
from simcore.cli.options import JsonOption
from simcore.cli.output import write_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simcore.experiments.doctor import SetupCheck


def doctor_command(as_json: JsonOption = False) -> int:
    """Look at the installation and run a small simulation.

    Versions, places to write and free disk, memory, terminal, and whether simulation
    and closed form of `tiny` agree to 0 ps. The text may be copied into a report. Exits
    with 4 when the system lacks something, with 3 when the small run is wrong.
    """
    from simcore.experiments.doctor import examine
    from simcore.report.doctor_text import doctor_report, doctor_result
    from simcore.report.json_report import result_document

    checks = examine()
    if as_json:
        write_result(result_document("doctor", doctor_result(checks)))
    else:
        write_result(doctor_report(checks))
    return _exit_code(checks)


def _exit_code(checks: Sequence[SetupCheck]) -> int:
    causes = {check.cause for check in checks if check.state == "failed"}
    if "system" in causes:
        return SYSTEM
    return CHECK_FAILED if causes else DONE

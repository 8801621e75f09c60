"""Verification policies: what happens to verify steps behind a rejected draft."""

from __future__ import annotations

from simcore.program.verification.full_burst import FullBurst
from simcore.program.verification.policy import VerificationPolicy
from simcore.program.verification.stop_at_mismatch import StopAtMismatch

#: Every verification policy; the first is the default.
VERIFICATIONS: tuple[VerificationPolicy, ...] = (FullBurst(), StopAtMismatch())

_BY_NAME = {policy.name: policy for policy in VERIFICATIONS}


def verification_named(name: str) -> VerificationPolicy:
    """The policy of that name.

    Raises
    ------
    KeyError
        If there is none; a configuration that loads names none such.
    """
    return _BY_NAME[name]


__all__ = ["VERIFICATIONS", "VerificationPolicy", "verification_named"]

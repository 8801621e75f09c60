"""Whether an installation is sound: packages, places to write, and a small run."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Literal

from simcore.config.shipped import shipped_files
from simcore.errors import SimcoreError
from simcore.versions import ALL, package_version, python_version, simcore_version

State = Literal["ok", "note", "failed"]
#: What a failure is about: the system, or the numbers.
Cause = Literal["system", "check"]

_MB = 1_000_000
#: Free disk below which a run of ordinary size may not fit, or none at all.
_LITTLE_BYTES, _NO_BYTES = 2_000 * _MB, 50 * _MB
#: Memory below which a run may be slow or fail.
_LITTLE_MEMORY_BYTES = 1_000 * _MB
_EXACT = "burst_latency_equals_integer_composition"


@dataclass(frozen=True)
class SetupCheck:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What it is about.
    state : str
        `ok`, `note` (works, but something is worth knowing) or `failed`.
    detail : str
        What was found.
    hint : str or None
        What to do about it.
    cause : str
        Whether a failure is the system's, or a result that is wrong.
    values : dict
        The same as numbers and words for machines.
    """

    name: str
    state: State
    detail: str
    hint: str | None
    cause: Cause
    values: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "values": dict(self.values)}


def examine() -> list[SetupCheck]:
    """Look at everything, the self-check last; takes a few seconds."""
    return [
        _packages(),
        _data(),
        _compile_cache(),
        _folder("current folder", Path.cwd),
        _folder("temporary folder", lambda: Path(tempfile.gettempdir())),
        _terminal(),
        _machine(),
        self_check(),
    ]


def _ok(name: str, detail: str, values: Mapping[str, Any]) -> SetupCheck:
    return SetupCheck(name, "ok", detail, None, "system", values)


def _note(name: str, detail: str, hint: str, values: Mapping[str, Any]) -> SetupCheck:
    return SetupCheck(name, "note", detail, hint, "system", values)


def _failed(
    name: str,
    detail: str,
    hint: str,
    values: Mapping[str, Any],
    cause: Cause = "system",
) -> SetupCheck:
    return SetupCheck(name, "failed", detail, hint, cause, values)


# Packages and files.


def _packages() -> SetupCheck:
    """Versions, compared with what simcore asks for."""
    versions = {
        "simcore": simcore_version(),
        "python": python_version(),
        **{name: package_version(name) for name in ALL},
    }
    shown = ", ".join(
        f"{name} {found or 'missing'}" for name, found in versions.items()
    )
    wrong = [
        f"{name} {versions[name] or 'is missing'} (needs {least} or newer)"
        for name, least in _least_versions()
        if name in versions and _older(versions[name], least)
    ]
    if wrong:
        hint = "Install simcore again: pip install --upgrade simcore."
        return _failed("packages", "; ".join(wrong), hint, versions)
    return _ok("packages", shown, versions)


def _least_versions() -> Iterator[tuple[str, str]]:
    try:
        needed = requires("simcore") or []
    except PackageNotFoundError:
        return  # run from a folder that was never installed
    for requirement in needed:
        name, _, least = requirement.partition(">=")
        if least and ";" not in least:
            yield name.strip(), least.strip()


def _older(found: str | None, least: str) -> bool:
    return found is None or _numbers(found) < _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    """`2.4.6rc1` as (2, 4, 6): enough to compare with a plain lower bound."""
    numbers = []
    for part in version.split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)


def _data() -> SetupCheck:
    """Scenarios, chips, models and acceptance that come with simcore."""
    found = {
        "scenarios": len(shipped_files("scenario")),
        "hardware": len(shipped_files("hardware")),
        "models": len(shipped_files("model")),
        "acceptance": len(shipped_files("acceptance")),
    }
    shown = ", ".join(f"{number} {kind}" for kind, number in found.items())
    if all(found.values()):
        return _ok("shipped files", shown, found)
    return _failed("shipped files", shown, "Install simcore again.", found)


def _compile_cache() -> SetupCheck:
    """Whether what numba compiles is kept; otherwise every run compiles again."""
    name, hint = "compile cache", "Set NUMBA_CACHE_DIR to a folder you may write to."
    try:
        module = import_module("simcore.program.hbm.state_machine")
        paths = [
            value.stats.cache_path
            for value in vars(module).values()
            if hasattr(value, "py_func") and hasattr(value, "stats")
        ]
    except RuntimeError as error:  # numba's word for: no place to keep it
        return _failed(name, str(error).splitlines()[0], hint, {})
    folder = next((Path(path) for path in paths if path), None)
    if folder is None:
        return _note(name, "numba keeps nothing: every run compiles again", hint, {})
    refused = _write_problem(folder)
    if refused is None:
        return _ok(name, f"{folder} can be written", {"path": str(folder)})
    return _note(name, f"{folder}: {refused}; every run compiles again", hint, {})


# Places, terminal and machine.


def _folder(name: str, find: Callable[[], Path]) -> SetupCheck:
    """Write access and free space."""
    hint = "Change to another folder, or set TMPDIR for temporary files."
    try:
        folder = find()
    except OSError as error:
        return _failed(name, error.strerror or str(error), hint, {})
    refused = _write_problem(folder)
    if refused is not None:
        return _failed(name, f"{folder}: {refused}", hint, {"path": str(folder)})
    free_bytes = shutil.disk_usage(folder).free
    values = {"path": str(folder), "free_bytes": free_bytes}
    detail = f"{folder} can be written, {_size(free_bytes)} free"
    hint = "`simcore check SCENARIO` says how large a run is."
    if free_bytes < _NO_BYTES:
        return _failed(name, detail, hint, values)
    if free_bytes < _LITTLE_BYTES:
        return _note(name, detail, hint, values)
    return _ok(name, detail, values)


def _write_problem(folder: Path) -> str | None:
    """Why a file cannot be made in a folder; None when it can."""
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix="simcore-doctor-") as file:
            file.write(b"x" * 4096)
            file.flush()
        if made:
            folder.rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _terminal() -> SetupCheck:
    encoding = str(getattr(sys.stdout, "encoding", None) or "unknown")
    values = {
        "stdout_encoding": encoding,
        "stdout_is_terminal": sys.stdout.isatty(),
        "stderr_is_terminal": sys.stderr.isatty(),
        "term": os.environ.get("TERM"),
        "no_color": "NO_COLOR" in os.environ,
        "columns": shutil.get_terminal_size().columns,
    }
    terminal = "a terminal" if values["stderr_is_terminal"] else "not a terminal"
    detail = (
        f"stdout {encoding}, stderr is {terminal}, TERM {values['term'] or 'unset'}"
    )
    if encoding.lower().replace("-", "") not in ("utf8", "unknown"):
        hint = "Names in other letters may not print; set PYTHONUTF8=1."
        return _note("terminal", detail, hint, values)
    return _ok("terminal", detail, values)


def _machine() -> SetupCheck:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = cores or os.cpu_count() or 1
    total, available = _memory_bytes()
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    values = {
        "system": system,
        "cores": cores,
        "memory_bytes": total,
        "memory_available_bytes": available,
    }
    memory = "memory unknown" if total is None else f"{_size(total)} of memory"
    if available is not None:
        memory += f", {_size(available)} of it available"
    detail = f"{system}, {cores} core{'s' if cores > 1 else ''}, {memory}"
    if available is not None and available < _LITTLE_MEMORY_BYTES:
        hint = "Large runs may be slow; close other programs or use fewer --workers."
        return _note("machine", detail, hint, values)
    return _ok("machine", detail, values)


def _memory_bytes() -> tuple[int | None, int | None]:
    """Physical memory, and what of it is free to use; None where nobody says."""
    found: dict[str, int] = {}
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    total = found.get("MemTotal")
    if total is None and hasattr(os, "sysconf"):
        try:
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (OSError, ValueError):
            total = None
    return total, found.get("MemAvailable")


def _size(n_bytes: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.3g} {unit}"
    return f"{n_bytes} bytes"


# The small run.


def self_check() -> SetupCheck:
    """Simulate `tiny` in memory: events and formula must agree to 0 ps."""
    name = "self-check"
    hint = "Please report it with this text: results cannot be trusted."
    started = time.monotonic()
    try:
        # Slow to import, and an import that fails is a finding, not a crash.
        from simcore.experiments.run import simulate

        result = simulate("tiny", requests=1)
    except (SimcoreError, ImportError, OSError) as error:
        what = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        return _failed(name, f"tiny did not run: {what}", hint, {}, "check")
    seconds = round(time.monotonic() - started, 2)
    wrong = [check.name for check in result.checks if not check.holds]
    exact = next((c for c in result.checks if c.name == _EXACT), None)
    values = {
        "checks": len(result.checks),
        "failed": wrong,
        "difference": None if exact is None else exact.measured,
        "seconds": seconds,
    }
    if wrong or exact is None:
        missing = "there was no comparison of bursts" if exact is None else ""
        detail = f"tiny: {', '.join(wrong) or missing}"
        return _failed(name, detail, hint, values, "check")
    detail = (
        f"tiny: simulation and closed form differ by {exact.measured}, "
        f"{len(result.checks)} of {len(result.checks)} checks hold ({seconds:.1f} s)"
    )
    return _ok(name, detail, values)

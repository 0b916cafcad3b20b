"""`sam build` makes what AWS gets; here it is unpacked and looked at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_in_memory import ROOT
from deployed import handler_file, resources

MEGABYTE = 1024 * 1024
# Unpacked, with its layers, a function may have 250 MB.
LAYERS_BYTES_MAX = 60 * MEGABYTE
SITE_BYTES_MAX = 6 * MEGABYTE
AUTHORIZER_BYTES_MAX = 30 * MEGABYTE


def _python313_folder() -> str | None:
    """Name the folder of a python3.13 that really runs: pyenv's stand-in on PATH may not."""
    installed = Path.home().glob(".pyenv/versions/3.13*/bin/python3.13")
    for found in [shutil.which("python3.13"), *map(str, installed)]:
        if (
            found
            and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return str(Path(found).parent)
    return None


PYTHON313 = _python313_folder()


@pytest.mark.parametrize("folder", ["layers/vendor", "functions/site", "functions/staff"])
def test_what_ships_has_the_versions_that_the_tests_ran_with(folder: str) -> None:
    locked = _pins(ROOT / "requirements.lock")
    shipped = _pins(ROOT / folder / "requirements.txt")

    assert shipped
    assert {name: locked.get(name) for name in shipped} == shipped


def _pins(file: Path) -> dict[str, str]:
    """Give the version of each package that a file of requirements names."""
    return dict(re.findall(r"^([\w.-]+)(?:\[\w,]+\])?==([\w.+]+)", file.read_text(), re.MULTILINE))


@pytest.mark.skipif(PYTHON313 is None, reason="sam build needs a python3.13")
def test_a_build_ships_each_function_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    built = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("sam")), "build", "--no-cached"),
            *("--build-dir", str(tmp_path / "built")),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{PYTHON313}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr

    for name, function in resources("Function").items():
        shipped = _files(tmp_path / "built" / name)
        if name == "SiteFunction":
            _assert_the_site_ships_its_own(shipped, _bytes(tmp_path / "built" / name))
            continue
        if name == "AuthorizeFunction":
            _assert_the_authorizer_ships_what_checks_signatures(
                shipped, _bytes(tmp_path / "built" / name)
            )
            continue
        assert shipped == {path.name for path in handler_file(function).parent.glob("*.py")}, name
    layers = [tmp_path / "built" / "VendorLayer", ROOT / "layers" / "commerce"]
    assert sum(map(_bytes, layers)) < LAYERS_BYTES_MAX
    assert not [path for layer in layers for path in _files(layer) if "/tests/" in path]


def _assert_the_site_ships_its_own(shipped: set[str], size: int) -> None:
    assert {"app.py", "openapi.json", "docs.html", "docs.js", "docs.css"} <= shipped
    assert "chalice/app.py" in shipped
    assert "flask_swagger_ui/dist/swagger-ui-bundle.js" in shipped
    # What Chalice's command would bring along.
    assert not [path for path in shipped if re.match(r"(pip|setuptools|botocore|flask)/", path)]
    assert size < SITE_BYTES_MAX


def _assert_the_authorizer_ships_what_checks_signatures(shipped: set[str], size: int) -> None:
    assert {"authorize.py", "jwt/api_jwt.py"} <= shipped
    # Compiled for the processor and the Python that the function runs on, not for this machine.
    compiled = {path for path in shipped if path.endswith(".so")}
    assert any(path.startswith("cryptography/") for path in compiled)
    assert all("aarch64" in path or path.endswith(".abi3.so") for path in compiled)
    packages = {path.partition("/")[0] for path in shipped if "/" in path and "-info/" not in path}
    assert packages <= {
        "jwt",
        "cryptography",
        "cffi",
        "pycparser",
        "cffi.libs",
        "cryptography.libs",
        "bin",
    }
    assert size < AUTHORIZER_BYTES_MAX


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

"""Hatchling build hook: puts the compiler's jar into the package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from build_jar import SetupError, build_jar


class JarBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the jar in a checkout; an unpacked sdist already carries it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Place the jar before the files of the distribution are collected."""
        package = Path(self.root)
        carried = package / "src" / "nnir_bridge" / "_jar" / "nnir-bridge.jar"
        repository = package.parent
        if (repository / "java-core" / "pom.xml").is_file():
            try:
                built = build_jar(repository)
            except SetupError as error:
                raise SystemExit(f"nnir-bridge: {error}") from None
            carried.parent.mkdir(exist_ok=True)
            shutil.copyfile(built, carried)
        elif not carried.is_file():
            raise SystemExit(
                f"nnir-bridge: there is neither a carried jar ({carried}) nor the Java sources "
                f"({repository / 'java-core'}); install from a checkout, an sdist or a wheel"
            )

"""The boards."""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnir_bridge._gateway import current_gateway
from vollo_compiler._arguments import boolean, integer
from vollo_compiler._files import replace

__all__ = ["Config"]

_FILE_VERSION = 1
_FIELDS = (
    "num_cores",
    "block_size",
    "tensor_ram_depth",
    "tensor_descriptor_count",
    "weight_store_depth",
    "accum_store_depth",
    "cell_state_depth",
    "clamp_store_depth",
    "max_read_size",
    "io_size",
    "fabric",
    "clock_mhz",
    "features",
    "timing",
    "host",
)


class Config:
    """A board: its cores, the depths of each core's stores, its clock.

    The attributes can be read and assigned; they are checked when the board is used. Depths count
    blocks: ``block_size`` x ``block_size`` weights, or ``block_size`` values.

    Args:
        num_cores: Number of cores.
        block_size: Edge of a weight block and length of a tensor block, in values.
        tensor_ram_depth: Tensor blocks of a core.
        tensor_descriptor_count: State windows of a core.
        weight_store_depth: Weight blocks of a core.
        accum_store_depth: Accumulator blocks of a core.
        cell_state_depth: LSTM cell state blocks of a core.
        clamp_store_depth: Pairs of clamp bounds of a core.
        max_read_size: Most blocks that one instruction reads.
        io_size: Inputs and outputs are padded to a multiple of this many values.
        fabric: ``"agilex"`` or ``"versal"``.
        clock_mhz: Clock in MHz.
        features: What the board has beyond the rest, such as ``"fp8"``.
        timing: How long the units take in cycles, by the names in ``docs/machine.md``, for the
            estimate (an extension); those left out are as on the boards of the same fabric.
        host: The link to the host (an extension): ``round_trip_ns`` and ``bytes_per_ns``.

    >>> board = Config.ip_core(num_cores=2, block_size=16)
    >>> board.num_cores, board.block_size, board.io_size
    (2, 16, 16)
    >>> board.weight_store_depth = 1024
    >>> Config(num_cores=4, block_size=32, fabric="versal").clock_mhz
    300

    What is left out is as on the boards of the same fabric (an IP core, or the V80).

    Raises:
        ValueError: A figure is out of range or the fabric is not known.
    """

    __slots__ = (*_FIELDS, "_rest")  # so that a misspelt figure is not assigned in silence

    num_cores: int
    block_size: int
    tensor_ram_depth: int
    tensor_descriptor_count: int
    weight_store_depth: int
    accum_store_depth: int
    cell_state_depth: int
    clamp_store_depth: int
    max_read_size: int
    io_size: int
    fabric: str
    clock_mhz: int
    features: list[str]
    timing: dict[str, int]
    host: dict[str, int]
    _rest: dict[str, Any]

    def __init__(
        self,
        num_cores: int,
        block_size: int,
        *,
        tensor_ram_depth: int | None = None,
        tensor_descriptor_count: int | None = None,
        weight_store_depth: int | None = None,
        accum_store_depth: int | None = None,
        cell_state_depth: int | None = None,
        clamp_store_depth: int | None = None,
        max_read_size: int | None = None,
        io_size: int | None = None,
        fabric: str | None = None,
        clock_mhz: int | None = None,
        features: list[str] | None = None,
        timing: Mapping[str, int] | None = None,
        host: Mapping[str, int] | None = None,
    ) -> None:
        chosen: dict[str, Any] = {
            "num_cores": num_cores,
            "block_size": block_size,
            "tensor_ram_depth": tensor_ram_depth,
            "tensor_descriptor_count": tensor_descriptor_count,
            "weight_store_depth": weight_store_depth,
            "accum_store_depth": accum_store_depth,
            "cell_state_depth": cell_state_depth,
            "clamp_store_depth": clamp_store_depth,
            "max_read_size": max_read_size,
            "io_size": io_size,
            "fabric": fabric,
            "clock_mhz": clock_mhz,
            "features": features,
        }
        if fabric == "versal":
            family = current_gateway().call("presetConfig", "amd_v80_c6b32")
        else:
            family = _ip_core(num_cores, block_size)
        given = {name: value for name, value in chosen.items() if value is not None}
        for name, part in (("timing", timing), ("host", host)):
            if part is not None and not isinstance(part, Mapping):
                raise TypeError(f"{name}: a mapping of names to integers is needed, got {part!r}")
            given[name] = {**family[name], **(part or {})}
        self._set(_checked({**family, **given, "name": "custom"}))

    def _set(self, values: dict[str, Any]) -> None:
        values = copy.deepcopy(values)
        for field in _FIELDS:
            setattr(self, field, values[field])
        self._rest = {name: value for name, value in values.items() if name not in _FIELDS}

    def _values(self) -> dict[str, Any]:
        return {**self._rest, **{field: getattr(self, field) for field in _FIELDS}}

    def _json(self) -> str:
        return _dumps(self._values())

    @classmethod
    def _of(cls, values: dict[str, Any]) -> Config:
        config = cls.__new__(cls)
        config._set(values)
        return config

    @classmethod
    def _preset(cls, name: str) -> Config:
        return cls._of(current_gateway().call("presetConfig", name))

    @classmethod
    def _synonym(cls, old: str, name: str) -> Config:
        warnings.warn(
            f"Config.{old} is deprecated; use Config.{name}", DeprecationWarning, stacklevel=3
        )
        return cls._preset(name)

    @staticmethod
    def bittware_ia420f_c6b32() -> Config:
        """BittWare IA-420F: 6 cores of block size 32."""
        return Config._preset("bittware_ia420f_c6b32")

    @staticmethod
    def bittware_ia840f_c3b64() -> Config:
        """BittWare IA-840F: 3 cores of block size 64."""
        return Config._preset("bittware_ia840f_c3b64")

    @staticmethod
    def bittware_ia840f_c2b64d() -> Config:
        """BittWare IA-840F: 2 cores of block size 64 with deeper weight stores."""
        return Config._preset("bittware_ia840f_c2b64d")

    @staticmethod
    def napatech_nt400d11_c6b32() -> Config:
        """Napatech NT400D11: 6 cores of block size 32."""
        return Config._preset("napatech_nt400d11_c6b32")

    @staticmethod
    def amd_v80_c6b32() -> Config:
        """AMD V80: 6 cores of block size 32."""
        return Config._preset("amd_v80_c6b32")

    @staticmethod
    def amd_v80ll_c6b32() -> Config:
        """AMD V80LL: 6 cores of block size 32."""
        return Config._preset("amd_v80ll_c6b32")

    @staticmethod
    def silicom_artena_c8b32() -> Config:
        """Silicom Artena: 8 cores of block size 32."""
        return Config._preset("silicom_artena_c8b32")

    @staticmethod
    def silicom_artena_c8b32lstm() -> Config:
        """Silicom Artena: 8 cores of block size 32, for LSTM models only."""
        return Config._preset("silicom_artena_c8b32lstm")

    @staticmethod
    def ia_420f_c6b32() -> Config:
        """Deprecated name of :meth:`bittware_ia420f_c6b32`."""
        return Config._synonym("ia_420f_c6b32", "bittware_ia420f_c6b32")

    @staticmethod
    def ia_840f_c3b64() -> Config:
        """Deprecated name of :meth:`bittware_ia840f_c3b64`."""
        return Config._synonym("ia_840f_c3b64", "bittware_ia840f_c3b64")

    @staticmethod
    def ia_840f_c2b64d() -> Config:
        """Deprecated name of :meth:`bittware_ia840f_c2b64d`."""
        return Config._synonym("ia_840f_c2b64d", "bittware_ia840f_c2b64d")

    @staticmethod
    def nt400d11_c6b32() -> Config:
        """Deprecated name of :meth:`napatech_nt400d11_c6b32`."""
        return Config._synonym("nt400d11_c6b32", "napatech_nt400d11_c6b32")

    @staticmethod
    def v80_c6b32() -> Config:
        """Deprecated name of :meth:`amd_v80_c6b32`."""
        return Config._synonym("v80_c6b32", "amd_v80_c6b32")

    @staticmethod
    def v80ll_c6b32() -> Config:
        """Deprecated name of :meth:`amd_v80ll_c6b32`."""
        return Config._synonym("v80ll_c6b32", "amd_v80ll_c6b32")

    @staticmethod
    def artena_c8b32() -> Config:
        """Deprecated name of :meth:`silicom_artena_c8b32`."""
        return Config._synonym("artena_c8b32", "silicom_artena_c8b32")

    @staticmethod
    def artena_c8b32lstm() -> Config:
        """Deprecated name of :meth:`silicom_artena_c8b32lstm`."""
        return Config._synonym("artena_c8b32lstm", "silicom_artena_c8b32lstm")

    @staticmethod
    def ip_core(num_cores: int, block_size: int) -> Config:
        """An IP core of a given size.

        Args:
            num_cores: Number of cores.
            block_size: Edge of a weight block, in values; also the IO padding.
        """
        return Config._of(_ip_core(num_cores, block_size))

    def save(self, json_path: str | os.PathLike[str]) -> None:
        """Write the configuration as JSON; the file is complete afterwards or as it was.

        Args:
            json_path: The file.

        Raises:
            OSError: The file cannot be written.
            ValueError: The configuration is not a valid one.
        """
        values = _checked(self._values())
        text = json.dumps({"version": _FILE_VERSION, **values}, indent=2)
        replace(Path(json_path), f"{text}\n".encode())

    @staticmethod
    def load(json_path: str | os.PathLike[str], check_version_matches: bool = True) -> Config:
        """Read a configuration that :meth:`save` wrote.

        Args:
            json_path: The file.
            check_version_matches: Whether a file of another version is refused.

        Raises:
            OSError: The file cannot be read.
            ValueError: It does not hold a configuration, its fabric is not known, its clock is
                missing, or its version is another one.
        """
        check = boolean("check_version_matches", check_version_matches)
        try:
            values = json.loads(Path(json_path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{os.fspath(json_path)} is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ValueError(f"{os.fspath(json_path)} does not hold a configuration")
        version = values.pop("version", None)
        if check and version != _FILE_VERSION:
            raise ValueError(
                f"{os.fspath(json_path)} has configuration version {version}, this is version "
                f"{_FILE_VERSION}; pass check_version_matches=False to load it all the same"
            )
        try:
            return Config._of(_checked(values))
        except ValueError as error:
            raise ValueError(f"{os.fspath(json_path)}: {error}") from None

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Config) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        figures = ", ".join(f"{field}={getattr(self, field)!r}" for field in _FIELDS)
        return f"Config({figures})"


def _ip_core(num_cores: int, block_size: int) -> dict[str, Any]:
    return current_gateway().call(
        "ipCoreConfig", integer("num_cores", num_cores), integer("block_size", block_size)
    )


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    return current_gateway().call("checkConfig", _dumps(values))


def _dumps(values: dict[str, Any]) -> str:
    try:
        return json.dumps(values, default=_plain)
    except TypeError as error:
        raise TypeError(f"config: {error}") from None


def _plain(value: Any) -> int:
    return integer("config", value)

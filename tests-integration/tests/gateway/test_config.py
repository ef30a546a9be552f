"""Boards: presets, files and what is checked."""

from __future__ import annotations

import json

import pytest

from vollo_compiler import Config

PRESETS = {
    "bittware_ia420f_c6b32": ("ia_420f_c6b32", 6, 32, 320),
    "bittware_ia840f_c3b64": ("ia_840f_c3b64", 3, 64, 320),
    "bittware_ia840f_c2b64d": ("ia_840f_c2b64d", 2, 64, 320),
    "napatech_nt400d11_c6b32": ("nt400d11_c6b32", 6, 32, 320),
    "amd_v80_c6b32": ("v80_c6b32", 6, 32, 300),
    "amd_v80ll_c6b32": ("v80ll_c6b32", 6, 32, 330),
    "silicom_artena_c8b32": ("artena_c8b32", 8, 32, 320),
    "silicom_artena_c8b32lstm": ("artena_c8b32lstm", 8, 32, 320),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset_and_its_synonym(name):
    synonym, cores, block, clock = PRESETS[name]
    config = getattr(Config, name)()
    assert (config.num_cores, config.block_size, config.clock_mhz) == (cores, block, clock)
    assert config.io_size == 32
    assert ("fp8" in config.features) == ("v80" in name)
    with pytest.deprecated_call(match=f"Config.{synonym} is deprecated; use Config.{name}"):
        assert getattr(Config, synonym)() == config


def test_ip_core_pads_to_its_block_size():
    assert Config.ip_core(4, 16).io_size == 16


def test_save_and_load_give_an_equal_config(tmp_path):
    config = Config.amd_v80_c6b32()
    config.num_cores = 3
    config.save(tmp_path / "board.json")
    assert Config.load(tmp_path / "board.json") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fabric": "papyrus"}, "fabric papyrus is not known"),
        ({"clock_mhz": None}, "clock_mhz is missing"),
        ({"colour": "red"}, "colour"),
        ({"version": 99}, "configuration version 99, this is version 1"),
    ],
)
def test_load_refuses_what_is_no_config(tmp_path, change, message):
    path = tmp_path / "board.json"
    Config.bittware_ia420f_c6b32().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        Config.load(path)


def test_load_takes_another_version_when_told_to(tmp_path):
    path = tmp_path / "board.json"
    Config.bittware_ia420f_c6b32().save(path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    assert Config.load(path, check_version_matches=False) == Config.bittware_ia420f_c6b32()

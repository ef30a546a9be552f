"""The README's examples run as they stand there, one after another."""

import re

import numpy as np

import bootstrap


def test_the_examples_run_and_agree_with_pytorch(tmp_path, monkeypatch):
    readme = (bootstrap.ROOT / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "example"}
    for example in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        exec(compile(example, "README.md", "exec"), names)
    np.testing.assert_allclose(names["outputs"], names["expected"].numpy(), atol=1e-2)
    assert (tmp_path / "smoother.vollo").exists()


def test_every_file_that_it_links_to_exists():
    readme = (bootstrap.ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", readme)
    assert links
    assert not [link for link in links if not (bootstrap.ROOT / link).exists()]

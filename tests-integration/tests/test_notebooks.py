"""The notebooks run from top to bottom and are committed without outputs."""

import nbclient
import nbformat
import pytest

import bootstrap

NOTEBOOKS = sorted((bootstrap.ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert cell.get("execution_count") is None
        assert not cell.get("outputs")


def test_the_notebooks_are_those_of_the_readme():
    assert [path.stem for path in NOTEBOOKS] == ["cnn", "latency", "lstm", "mlp", "multi_model"]

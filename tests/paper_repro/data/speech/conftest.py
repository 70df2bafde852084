import importlib.util

import pytest
from timit_by_hand import write_timit

from paper_repro.data.speech.generated import generated_corpus
from paper_repro.data.speech.recipe import Recipe

TINY = Recipe(minutes=0.15)


@pytest.fixture
def timit(tmp_path):
    """The root of the data, with a folder TIMIT in it."""
    write_timit(tmp_path / "TIMIT")
    return tmp_path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The root of the data, with some seconds of generated speech in it, and their folder."""
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("espeakng-loader, which speaks the corpus, is not installed")
    root = tmp_path_factory.mktemp("root")
    return root, generated_corpus(root, TINY)

"""A made-up experiment, its undisturbed table, and a folder for the diary of its runs."""

import made_up
import pytest


@pytest.fixture
def log(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


@pytest.fixture
def setting(log):
    return made_up.Setting(str(log))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "log").mkdir()
    return made_up.swept(made_up.sweep(made_up.Setting(str(folder / "log")), folder / "out"))

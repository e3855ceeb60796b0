"""Where compiled programs are kept."""

import jax
import pytest

from cnnjax.train.compiler import use_compilation_cache


@pytest.fixture
def no_folder():
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.mark.parametrize("name", ["XDG_CACHE_HOME", "CNNJAX_CACHE"])
def test_programs_are_kept_where_the_user_keeps_caches(no_folder, monkeypatch, tmp_path, name):
    monkeypatch.delenv("CNNJAX_CACHE")
    monkeypatch.setenv(name, str(tmp_path))
    use_compilation_cache()
    expected = tmp_path / ("cnnjax/compiled" if name == "XDG_CACHE_HOME" else "compiled")
    assert jax.config.jax_compilation_cache_dir == str(expected)
    assert expected.is_dir()


def test_a_folder_that_jax_has_stays(no_folder, monkeypatch, tmp_path):
    monkeypatch.delenv("CNNJAX_CACHE")
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    use_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path)


def test_off_and_unwritable_folders_are_not_used(no_folder, monkeypatch, tmp_path):
    use_compilation_cache()  # the tests run with CNNJAX_CACHE=off
    assert jax.config.jax_compilation_cache_dir is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path / "file" / "below"))
    use_compilation_cache()
    assert jax.config.jax_compilation_cache_dir is None

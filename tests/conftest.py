"""Which tests are not among the quick ones (`nox -s quick`): measured with ``pytest --durations``, one line each."""

import pytest

SLOW = {
    "parity/test_cross_attention_network.py": "",
    "parity/test_egemaps_accuracy.py": "",
    "parity/test_gru_network.py": "test_equals_torch_over_ten_minutes",
    "runtime/test_bake.py": "test_ctrl_c test_many_files",
    "runtime/test_cli.py": "",
    "runtime/test_cross_attention_kernels.py": "test_dense_on_other_machines",
    "runtime/test_doctor.py": "",
    "runtime/test_kernel_cache.py": "",
    "runtime/test_kernels_hygiene.py": "",
    "runtime/test_run.py": "",
    "runtime/test_soak.py": "",
    "runtime/test_startup.py": "",
    "trainer/test_corpus_engines.py": "",
    "trainer/test_corpus_shards.py": "",
    "trainer/test_evaluate.py": "",
    "trainer/test_fit.py": "",
    "trainer/test_import_predecessor.py": "test_imported_checkpoint_equals_torch",
    "trainer/test_prepare_captures.py": "test_a_camera",
    "trainer/test_prepare_video.py": "test_a_film test_films test_folders test_frames_that test_without_the_extra",
    "trainer/test_prepare_video_mediapipe.py": "",
    "trainer/test_solve.py": "",
    "trainer/test_walkthroughs.py": "",
}
"""File → beginnings of the names of its slow tests, all of them without one. Each takes seconds, or processes of its own."""
TIMED = {
    "runtime/test_pipes.py": "",
    "runtime/test_preview_page.py": "test_sixty_frames_a_second",
    "runtime/test_preview_server.py": "test_a_hundred_readers test_without_a_page",
}
"""As `SLOW`: what measures time, so that a busy machine can make it fail."""


def pytest_collection_modifyitems(config, items):
    for item in items:
        file = item.path.relative_to(config.rootpath / "tests").as_posix() if "tests" in item.path.parts else ""
        for mark, table in ((pytest.mark.slow, SLOW), (pytest.mark.timed, TIMED)):
            names = table.get(file)
            if names == "" or names and item.name.startswith(tuple(names.split())):
                item.add_marker(mark)

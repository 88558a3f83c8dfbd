"""The YAML file: known names only, near ones suggested, one clear line for whatever is wrong with it."""

import pytest

from fmg_rt.app.config import ConfigError, read

KNOWN = ["rate", "osc", "no-bundle", "record-format", "lookahead"]


def _write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "設定 1.yaml"
    path.write_bytes(text.encode(encoding))
    return path


def test_names_values_and_lists(tmp_path):
    text = "rate: 60\nosc: [127.0.0.1:9000, 'localhost:9001']\nno_bundle: true\nrecord-format: csv\nlookahead: 12.5\n"
    assert read(_write(tmp_path, text), KNOWN) == {
        "rate": 60,
        "osc": ["127.0.0.1:9000", "localhost:9001"],
        "no-bundle": True,
        "record-format": "csv",
        "lookahead": 12.5,
    }


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path):
    assert read(_write(tmp_path, "rate: 60", "utf-8-sig"), KNOWN) == {"rate": 60}
    assert read(_write(tmp_path, "# nothing yet\n"), KNOWN) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rat: 60", "did you mean rate"),
        ("record_fromat: csv", "did you mean record-format"),
        ("zzzzz: 1", "Known are: lookahead, no-bundle, osc"),
        ("- rate", "rate: 30"),
        ("rate", "rate: 30"),
        ("rate: {hz: 60}", "needs a text"),
        ("rate:", "needs a text"),
        ("osc: [[1]]", "needs a text"),
        ("rate: 30\nrate_: 2", "unknown setting 'rate_'"),
        ("no-bundle: true\nno_bundle: false", "twice"),
        ("rate: [60", "not YAML"),
        ("rate: !!python/object:os.system x", "not YAML"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(tmp_path, text, why):
    path = _write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read(path, KNOWN)
    message = str(error.value)
    assert why in message and message.startswith(str(path)) and "\n" not in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot read it"):
        read(tmp_path / "none.yaml", KNOWN)
    with pytest.raises(ConfigError, match="cannot read it"):
        read(tmp_path, KNOWN)
    with pytest.raises(ConfigError, match="UTF-8"):
        read(_write(tmp_path, "rate: 速", "shift-jis"), KNOWN)

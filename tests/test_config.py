"""Settings from objects, files, mappings and the environment, and attributes that stand for settings."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from costrel import environment
from costrel.config import Config, ConfigAttribute


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A config without settings whose files lie in a temporary folder."""
    return Config(tmp_path)


def test_defaults_and_repr() -> None:
    """A config starts with a copy of the defaults and shows its class."""
    defaults = {"DEBUG": False}
    config = Config("/srv", defaults)
    config["DEBUG"] = True
    assert defaults == {"DEBUG": False}
    assert repr(config) == "<Config {'DEBUG': True}>"
    assert config.root_path == "/srv"


# From objects.


class Settings:
    """Settings as a class."""

    ONE = 1
    TWO_WORDS = "two"
    lower = "left out"
    Mixed = "left out"
    _PRIVATE = "upper case too"


def test_from_object(config: Config) -> None:
    """Only attributes whose name is in upper case are settings."""
    config.from_object(Settings)
    assert config == {"ONE": 1, "TWO_WORDS": "two", "_PRIVATE": "upper case too"}


def test_from_object_inherited(config: Config) -> None:
    """A class hands down its settings, and a subclass replaces them."""

    class Production(Settings):
        ONE = 10

    config.from_object(Production())
    assert (config["ONE"], config["TWO_WORDS"]) == (10, "two")


def test_from_object_by_name(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is the name of a module or of something in it, with a dot or a colon."""
    module = ModuleType("costrel_test_settings")
    module.__dict__.update(ONE=1, Settings=Settings)
    monkeypatch.setitem(sys.modules, "costrel_test_settings", module)
    config.from_object("costrel_test_settings")
    assert config == {"ONE": 1}
    for name in ("costrel_test_settings.Settings", "costrel_test_settings:Settings"):
        config.from_object(name)
        assert config["TWO_WORDS"] == "two"


@pytest.mark.parametrize("name", ["no_such_module", "costrel.no_such_module", "json:no_such_name"])
def test_from_object_unknown(config: Config, name: str) -> None:
    """A name that cannot be imported is an ``ImportError`` that repeats it."""
    with pytest.raises(ImportError, match=r"no_such"):
        config.from_object(name)


# From Python files.


def test_from_pyfile(config: Config, tmp_path: Path) -> None:
    """A Python file is run; it knows its own name, and its names in upper case are settings."""
    (tmp_path / "settings.cfg").write_text("base = 20\nLIMIT = base + 1\nFILE = __file__\n", encoding="utf-8")
    assert config.from_pyfile("settings.cfg") is True
    assert config == {"LIMIT": 21, "FILE": str(tmp_path / "settings.cfg")}
    assert config.from_pyfile(tmp_path / "settings.cfg") is True


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "cp1252"])
def test_from_pyfile_encoding(config: Config, tmp_path: Path, encoding: str) -> None:
    """The file may declare its encoding, as any Python file."""
    text = f'# -*- coding: {encoding} -*-\nTITLE = "föö"\n'
    (tmp_path / "settings.py").write_bytes(text.encode(encoding))
    config.from_pyfile("settings.py")
    assert config["TITLE"] == "föö"


def test_from_pyfile_error_inside(config: Config, tmp_path: Path) -> None:
    """A mistake in the file is shown with the file's name, and settings before it are not taken."""
    (tmp_path / "settings.py").write_text("ONE = 1\nTWO = ONE / 0\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as error:
        config.from_pyfile("settings.py", silent=True)
    assert error.traceback[-1].path == tmp_path / "settings.py"
    assert config == {}


READERS: dict[str, Callable[[Config, str, bool], bool]] = {
    "from_pyfile": lambda config, name, silent: config.from_pyfile(name, silent=silent),
    "from_file": lambda config, name, silent: config.from_file(name, json.load, silent=silent),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["missing.cfg", "folder", "file/inner.cfg"])
def test_missing_files(config: Config, tmp_path: Path, reader: str, name: str) -> None:
    """Where there is no such file, ``silent`` returns False; without it the error says what the file was for."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    assert READERS[reader](config, name, True) is False
    with pytest.raises(OSError, match=r"^\[Errno \d+\] Unable to load configuration file \(.+\):") as error:
        READERS[reader](config, name, False)
    assert str(tmp_path / name) in str(error.value)
    assert config == {}


@pytest.mark.parametrize("reader", READERS)
def test_unreadable_files(config: Config, tmp_path: Path, reader: str) -> None:
    """``silent`` does not hide a file that is there and cannot be read."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Unable to load configuration file"):
        READERS[reader](config, "loop", True)
    assert config == {}


# From the environment.


def test_from_envvar(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable names the Python file to read."""
    (tmp_path / "settings.py").write_text("ONE = 1\n")
    monkeypatch.setenv("SHOP_SETTINGS", str(tmp_path / "settings.py"))
    assert config.from_envvar("SHOP_SETTINGS") is True
    assert config == {"ONE": 1}


@pytest.mark.parametrize("value", [None, ""])
def test_from_envvar_unset(config: Config, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Where the variable is unset, ``silent`` returns False; without it the error shows how to set it."""
    if value is not None:
        monkeypatch.setenv("SHOP_SETTINGS", value)
    assert config.from_envvar("SHOP_SETTINGS", silent=True) is False
    with pytest.raises(RuntimeError, match=r"'SHOP_SETTINGS' is not set.*export SHOP_SETTINGS="):
        config.from_envvar("SHOP_SETTINGS")


def test_from_envvar_missing_file(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file is missing, ``silent`` returns False; without it that is an error."""
    monkeypatch.setenv("SHOP_SETTINGS", "missing.py")
    assert config.from_envvar("SHOP_SETTINGS", silent=True) is False
    with pytest.raises(FileNotFoundError, match="Unable to load configuration file"):
        config.from_envvar("SHOP_SETTINGS")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text", "text"),
        ('"quoted"', "quoted"),
        ("12", 12),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("True", "True"),
        ("[1, 2]", [1, 2]),
        ('{"a": [1]}', {"a": [1]}),
        ("{broken", "{broken"),
        ("", ""),
    ],
)
def test_from_prefixed_env(config: Config, monkeypatch: pytest.MonkeyPatch, text: str, value: Any) -> None:
    """A value is what its text means as JSON; text that is no JSON is text."""
    monkeypatch.setenv("COSTREL_ITEM", text)
    monkeypatch.setenv("COSTRELITEM", "another prefix")
    assert config.from_prefixed_env() is True
    assert config == {"ITEM": value}


def test_from_prefixed_env_prefix_and_loads(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefix and reader can be chosen; keys keep the case that they have."""
    monkeypatch.setenv("SHOP_Item", "12")
    assert config.from_prefixed_env("SHOP", loads=str) is True
    assert config == {"Item": "12"}


def test_from_prefixed_env_prefixes(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a prefix all are read that costrel answers to, and the first of them wins."""
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    for name in ("FLASK_A", "COSTREL_A", "COSTREL_B"):
        monkeypatch.setenv(name, name)
    config.from_prefixed_env()
    assert config == {"A": "FLASK_A", "B": "COSTREL_B"}


def test_from_prefixed_env_nested(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two underscores lead into dicts, which are made where they are missing and else added to."""
    config["DB"] = {"host": "a", "port": 1}
    for name, text in {"DB__port": "2", "DB__opts__ssl": "true", "NEW__a__b": "x", "Q__list": "[1]"}.items():
        monkeypatch.setenv(f"COSTREL_{name}", text)
    config.from_prefixed_env()
    assert config == {
        "DB": {"host": "a", "port": 2, "opts": {"ssl": True}},
        "NEW": {"a": {"b": "x"}},
        "Q": {"list": [1]},
    }


def test_from_prefixed_env_order(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are read in the order of their names, so a dict comes before its items."""
    monkeypatch.setenv("COSTREL_DB__b", "2")
    monkeypatch.setenv("COSTREL_DB", '{"a": 1}')
    config.from_prefixed_env()
    assert config == {"DB": {"a": 1, "b": 2}}


def test_from_prefixed_env_into_no_dict(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads into a setting which is no dict is an error that names both."""
    config["DB"] = "sqlite://"
    monkeypatch.setenv("COSTREL_DB__host", "a")
    with pytest.raises(TypeError, match=r"COSTREL_DB__host.*'DB', which is not a dict but str"):
        config.from_prefixed_env()
    assert config == {"DB": "sqlite://"}


# From data.


def test_from_file_json(config: Config, tmp_path: Path) -> None:
    """A JSON file is read with ``json.load``; keys in upper case are settings."""
    (tmp_path / "settings.json").write_text('{"ONE": 1, "lower": 2}')
    assert config.from_file("settings.json", load=json.load) is True
    assert config == {"ONE": 1}


def test_from_file_toml(config: Config, tmp_path: Path) -> None:
    """A TOML file is read as bytes with ``tomllib.load``, which Python has from 3.11 on."""
    tomllib = pytest.importorskip("tomllib")
    (tmp_path / "settings.toml").write_text('ONE = 1\n[TABLE]\nkey = "föö"\n', encoding="utf-8")
    assert config.from_file("settings.toml", load=tomllib.load, text=False) is True
    assert config == {"ONE": 1, "TABLE": {"key": "föö"}}


def test_from_file_text_and_bytes(config: Config, tmp_path: Path) -> None:
    """The file is open as text or as bytes, as asked."""
    (tmp_path / "settings").write_text("x")
    config.from_file("settings", load=lambda file: {"KIND": type(file.read()).__name__})
    assert config["KIND"] == "str"
    config.from_file("settings", load=lambda file: {"KIND": type(file.read()).__name__}, text=False)
    assert config["KIND"] == "bytes"


def test_from_mapping(config: Config) -> None:
    """Items in upper case are taken from the mapping and from the keywords, which win."""
    assert config.from_mapping({"ONE": 1, "TWO": 2, "lower": 3}, TWO=20, other=4) is True
    assert config.from_mapping(SimpleNamespace(ITEMS=5).__dict__) is True
    assert config.from_mapping() is True
    assert config == {"ONE": 1, "TWO": 20, "ITEMS": 5}


def test_from_mapping_wrong_arguments(config: Config) -> None:
    """There is one mapping at most."""
    with pytest.raises(TypeError):
        config.from_mapping({}, {})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert config == {}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, {"url": "/img", "kind": "fs"}),
        ({"lowercase": False}, {"URL": "/img", "KIND": "fs"}),
        ({"trim_namespace": False}, {"store_url": "/img", "store_kind": "fs"}),
        ({"lowercase": False, "trim_namespace": False}, {"STORE_URL": "/img", "STORE_KIND": "fs"}),
    ],
)
def test_get_namespace(config: Config, arguments: dict[str, bool], expected: dict[str, str]) -> None:
    """The settings that begin in the same way come with or without that, in upper or lower case."""
    config.update(STORE_URL="/img", STORE_KIND="fs", STORAGE=1)
    assert config.get_namespace("STORE_", **arguments) == expected


# As a container.


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_copies(copied: Callable[[Config], Config]) -> None:
    """A copy is a config of the same folder that does not tell the original's watcher."""
    calls = []
    config = Config("/srv", {"ONE": {"two": 3}})
    config.changed = lambda: calls.append(1)
    other = copied(config)
    other["TWO"] = 2
    assert (type(other), other.root_path, other["ONE"]) == (Config, "/srv", {"two": 3})
    assert config == {"ONE": {"two": 3}}
    assert calls == []


def test_every_source_announces(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fills a config calls its watcher, also for an item of an inner dict."""
    calls: list[int] = []
    (tmp_path / "settings.py").write_text("ONE = 1\n")
    (tmp_path / "settings.json").write_text('{"ONE": 1}')
    config["DB"] = {}
    config.changed = lambda: calls.append(1)
    sources: list[Callable[[], object]] = [
        lambda: config.from_object(Settings),
        lambda: config.from_pyfile("settings.py"),
        lambda: config.from_file("settings.json", json.load),
        lambda: config.from_mapping(ONE=1),
        lambda: config.update(ONE=2),
        lambda: config.from_prefixed_env("SHOP"),
    ]
    monkeypatch.setenv("SHOP_DB__host", "a")
    for source in sources:
        calls.clear()
        source()
        assert calls


# Attributes.


class Owner:
    """Something with settings."""

    plain = ConfigAttribute[str]("PLAIN")
    doubled = ConfigAttribute[int]("NUMBER", get_converter=lambda value: value * 2)

    def __init__(self) -> None:
        self.config = Config("", {"PLAIN": "x", "NUMBER": 4})


def test_config_attribute() -> None:
    """An attribute reads and sets the setting; the converter is asked when it is read."""
    owner = Owner()
    assert (owner.plain, owner.doubled) == ("x", 8)
    owner.plain = "y"
    owner.doubled = 5
    assert owner.config == {"PLAIN": "y", "NUMBER": 5}
    assert owner.doubled == 10


def test_config_attribute_of_the_class() -> None:
    """On the class it is the descriptor, which knows the setting's name."""
    assert isinstance(Owner.plain, ConfigAttribute)
    assert Owner.plain.__name__ == "PLAIN"


FLASK = """
import json, os, sys
sys.path.insert(0, {folder!r})
from {module} import Config
config = Config({folder!r}, {{"DB": {{"host": "a"}}}})
config.from_pyfile("settings.py")
config.from_object("settings:Nested")
config.from_prefixed_env("SHOP")
config.from_mapping({{"X": 1, "y": 2}}, Z=3)
print(json.dumps([config, config.get_namespace("A_")], sort_keys=True))
"""


def test_same_as_flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same calls give the same settings as with Flask."""
    source = "A_B = [1]\nA_C = 'c'\nclass Nested:\n    A_D = 4\n    n = 5\n"
    (tmp_path / "settings.py").write_text(source)
    for name, text in {"DB__host": "b", "A_E__f__g": "[1]", "lower": "l", "NUMBER": "1e3", "X": "NaN-"}.items():
        monkeypatch.setenv(f"SHOP_{name}", text)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", FLASK.format(folder=str(tmp_path), module=module)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for module in ("flask.config", "costrel.config")
    ]
    assert outputs[0] == outputs[1] != ""


@pytest.mark.parametrize(
    ("name", "text", "load", "said"),
    [
        ("settings.json", '{"A": }', json.load, "line 1 column 7"),
        ("settings.ini", "nothing", lambda file: int(file.read()), "invalid literal"),
    ],
)
def test_from_file_names_the_file_that_is_wrong(
    config: Config, tmp_path: Path, name: str, text: str, load: Any, said: str
) -> None:
    """A file that cannot be parsed is named beside what the parser says."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        config.from_file(path, load=load)
    assert f"(in the configuration file {path})" in str(caught.value)

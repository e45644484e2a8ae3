"""What the lab says when the tools that bring its Java programs are missing or fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import engine
from lab.errors import LabError
from lab.maven import JavaProgram, prepare


@pytest.fixture
def program(tmp_path: Path) -> JavaProgram:
    pom, source = tmp_path / "pom.xml", tmp_path / "A.java"
    pom.write_text("<project/>")
    source.write_text("class A {}")
    return JavaProgram("program", pom, (source,), tmp_path / "home")


def tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    tool(folder, "mvn", f"echo fetched >> {tmp_path}/calls; mkdir -p $(dirname {tmp_path}/home/x)")
    tool(folder, "javac", 'while [ "$1" != -d ]; do shift; done; mkdir -p "$2"; touch "$2/A.class"')
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def test_a_missing_maven_is_named_with_how_to_get_it(
    program: JavaProgram, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(LabError, match=r"`mvn` was not found.*Install a JDK"):
        prepare(program)


def test_a_failing_maven_shows_its_last_lines_and_leaves_nothing(program: JavaProgram, tools: Path) -> None:
    tool(tools, "mvn", "echo no route to host; exit 1")
    with pytest.raises(LabError, match=r"mvn failed with code 1:\nno route to host\nCheck"):
        prepare(program)
    assert not program.prepared
    assert list(program.home.iterdir()) == []


def test_a_program_is_fetched_once_until_its_pom_or_source_changes(
    program: JavaProgram, tools: Path, tmp_path: Path
) -> None:
    assert tools.is_dir()
    calls = tmp_path / "calls"
    prepare(program)
    prepare(program)
    assert (program.library / "A.class").is_file()
    assert calls.read_text().count("fetched") == 1
    program.sources[0].write_text("class A { int changed; }")
    prepare(program)
    assert calls.read_text().count("fetched") == 2


def test_an_engine_of_the_users_needs_no_maven_but_must_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SEARCHSYNC_ENGINE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(engine, "PROGRAM", replace(engine.PROGRAM, home=tmp_path / "none"))
    engine.prepare()
    with pytest.raises(LabError, match=r"127\.0\.0\.1:9 does not answer. Start that engine"):
        engine.Engine.open()

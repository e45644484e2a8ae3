"""Mutants of a release, and of how a package is told."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

TESTS = ("tests/unit/test_release.py",)

MUTANTS = (
    Mutant(
        "a release of a version that has its tag",
        "tools/release.py",
        "version <= latest",
        "version < latest",
        TESTS,
    ),
    Mutant(
        "a release's tag on main's commit, which has no package",
        "tools/release.py",
        "version.tag, carries, ",
        "version.tag, told, ",
        TESTS,
    ),
    Mutant(
        "a release's package on main",
        "tools/release.py",
        '"--ff-only", told',
        '"--ff-only", carries',
        TESTS,
    ),
    Mutant(
        "a tag that stays where main did not move",
        "tools/release.py",
        '            git(root, "tag", "--delete", version.tag)\n',
        "            pass\n",
        TESTS,
    ),
    Mutant(
        "sources in the line ends of the machine",
        ".gitattributes",
        "* text=auto eol=lf\n",
        "",
        TESTS,
    ),
    Mutant(
        "a package that does not say what it was built from",
        "build.py",
        "        (stage / NAME / DIGEST).write_text(sources_digest(SOURCES))\n",
        "",
        ("tests/unit/test_build.py", "-k", "names_what_it_was_built_from"),
    ),
    Mutant(
        "an upgrade told by its version alone",
        "lambda_src/searchsync/__init__.py",
        """f"{VERSION}+{_written(folder / 'sources.sha256')[:12] or 'unbuilt'}{own}\"""",
        "VERSION",
        ("tests/unit/test_build.py", "-k", "names_what_it_was_built_from"),
    ),
)

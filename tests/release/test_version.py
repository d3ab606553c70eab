"""packaging/version.sh says the version of a tree, the programs say it and what they were built with."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BIN = Path(os.environ["PSHARE_BIN_DIR"])
OF_THE_PROJECT = re.search(r"^project\(pshare VERSION ([\d.]+)", (TOP / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
IN_GENERAL = re.compile(re.escape(OF_THE_PROJECT) + r"(\+git\d+\.[0-9a-f]{7}|~git\d*\.[0-9a-f]{7})?(\+dirty)?|" + re.escape(OF_THE_PROJECT) + "~unknown")


class Tree:
    """A small project with the version 0.2.0, two commits old."""

    def __init__(self, place):
        self.place = place
        (place / "packaging").mkdir(parents=True)
        (place / "CMakeLists.txt").write_text("project(pshare VERSION 0.2.0 LANGUAGES CXX)\n")
        for name in ("packaging/version.sh", "packaging/archived", ".gitattributes"):
            shutil.copy(TOP / name, place / name)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.commit()
        self.commit()

    def git(self, *arguments):
        somebody = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        environment = {**os.environ, **dict.fromkeys(somebody, "somebody"), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        return subprocess.run(["git", "-C", self.place, *arguments], check=True, capture_output=True, text=True, env=environment).stdout.strip()

    def commit(self):
        self.git("commit", "--quiet", "--allow-empty", "--message=something")

    @property
    def short(self):
        return self.git("rev-parse", "HEAD")[:7]

    def version(self):
        return version_in(self.place)

    def archived(self, place):
        place.mkdir()
        subprocess.run("git archive HEAD | tar --extract --directory " + str(place), shell=True, check=True, cwd=self.place)
        return version_in(place)


def version_in(place):
    return subprocess.run([place / "packaging/version.sh"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "tree")


def test_before_its_release_a_tree_counts_its_commits(tree, tmp_path):
    assert tree.version() == f"0.2.0~git2.{tree.short}"
    assert tree.archived(tmp_path / "archive") == f"0.2.0~git.{tree.short}"


def test_a_tag_with_the_projects_version_is_a_release(tree, tmp_path):
    tree.git("tag", "v0.2.0")
    assert tree.version() == tree.archived(tmp_path / "archive") == "0.2.0"


def test_what_follows_a_release_counts_from_there(tree, tmp_path):
    tree.git("tag", "v0.2.0")
    tree.commit()
    assert tree.version() == tree.archived(tmp_path / "archive") == f"0.2.0+git1.{tree.short}"


@pytest.mark.parametrize("tag", ["v0.1.0", "v0.2.0-rc1", "v0.2.01", "0.2.0"])
def test_other_tags_are_no_release(tree, tmp_path, tag):
    tree.git("tag", tag)
    assert tree.version() == f"0.2.0~git2.{tree.short}"
    assert tree.archived(tmp_path / "archive") == f"0.2.0~git.{tree.short}"


def test_changes_that_are_in_no_commit_are_told(tree):
    with (tree.place / "CMakeLists.txt").open("a") as file:
        file.write("# more\n")
    assert tree.version() == f"0.2.0~git2.{tree.short}+dirty"


def test_a_tree_that_lies_in_somebody_elses_repository_does_not_take_its_version(tree):
    inner = tree.place / "inner"
    (inner / "packaging").mkdir(parents=True)
    for name in ("CMakeLists.txt", "packaging/version.sh", "packaging/archived"):
        shutil.copy(tree.place / name, inner / name)
    assert version_in(inner) == "0.2.0~unknown"


@pytest.mark.skipif(not shutil.which("dpkg"), reason="there is no dpkg")
def test_debian_sorts_them_in_the_order_in_which_they_come():
    order = ["0.2.0~git9.fffffff", "0.2.0~git560.aaaaaaa", "0.2.0~git560.aaaaaaa+dirty", "0.2.0", "0.2.0+git2.fffffff", "0.2.0+git12.aaaaaaa", "0.2.1~git600.aaaaaaa"]
    for earlier, later in zip(order, order[1:]):
        assert subprocess.run(["dpkg", "--compare-versions", earlier, "lt", later]).returncode == 0, (earlier, later)


LINKED = {"libssl": "OpenSSL", "libsodium": "libsodium", "libzstd": "zstd", "libgnutls": "ngtcp2", "libminiupnpc": "miniupnpc", "libqrencode": "libqrencode",
          "libsqlite3": "SQLite", "libspdlog": "spdlog", "libtomlplusplus": "toml++"}


@pytest.mark.parametrize("program", ["pshare", "pshare-server"])
def test_a_program_says_which_it_is_and_what_it_was_built_with(program):
    shown = subprocess.run([BIN / program, "--version"], check=True, capture_output=True, text=True).stdout
    first, protocols, compiler, *libraries = shown.splitlines()
    name, version = first.split(" ")
    assert name == program and IN_GENERAL.fullmatch(version), first
    assert re.fullmatch(r"protocols: server \d+(, peer \d+)?, relay \d+", protocols)
    assert re.fullmatch(r"built with (GCC|Clang) \d+[\d.]* for \w+ \w+, Release.*", compiler)
    named = {line.split()[0]: line.split()[1] for line in libraries}
    assert all(re.match(r"\d+\.\d+", number) for number in named.values()), named
    linked = subprocess.run(["ldd", BIN / program], check=True, capture_output=True, text=True).stdout
    wanted = {ours for theirs, ours in LINKED.items() if theirs + ".so" in linked}
    assert {"OpenSSL", "libsodium"} <= wanted
    assert wanted | {"Asio"} <= named.keys() and not (named.keys() & set(LINKED.values())) - wanted

"""What is installed is complete: a program builds against it and runs."""

import os
import subprocess

import pytest

from compiler import compile_c
from drivers import BUILD

PROGRAM = """
#include <agora/agora.h>
#include <assert.h>
#include <string.h>

int main(int argc, char **argv)
{
	char bytes[16];
	struct agora_buffer message = {
		.data = bytes, .capacity = sizeof(bytes)};
	struct agora_space *space;
	struct agora_queue *queue;

	assert(argc == 2);
	assert(agora_space_open(argv[1], &space) == 0);
	assert(agora_program_create(space, "test", NULL) == 0);
	assert(agora_queue_open(space, "test/a.queue",
		AGORA_WRITE | AGORA_CREATE, NULL, &queue) == 0);
	assert(agora_queue_push(queue, "hello", 5) == 0);
	assert(agora_queue_pop(queue, &message) == 0);
	assert(message.size == 5 && !memcmp(bytes, "hello", 5));
	agora_queue_close(queue);
	agora_space_close(space);
	return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The root directory below which everything was installed."""
    root = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root],
        check=True, capture_output=True, timeout=100)
    return root


def find(root, name):
    paths = list(root.rglob(name))
    assert paths, f"{name} is not installed"
    return paths[0]


def pkg_config(root, *options):
    folder = find(root, "agora.pc").parent
    result = subprocess.run(
        ["pkg-config", *options, "agora"], check=True, text=True,
        capture_output=True,
        env=os.environ | {"PKG_CONFIG_PATH": str(folder),
                          "PKG_CONFIG_SYSROOT_DIR": str(root)})
    return result.stdout.split()


def test_program_compiled_with_pkg_config_runs(installed, tmp_path):
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(PROGRAM)
    compile_c("-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", source,
              *pkg_config(installed, "--cflags", "--libs"), "-o", program)
    space = tmp_path / "space"
    space.mkdir()
    library = find(installed, "libagora.so.0").parent
    result = subprocess.run(
        [program, space], capture_output=True, text=True, timeout=60,
        env=os.environ | {"LD_LIBRARY_PATH": str(library)})
    assert (result.returncode, result.stderr) == (0, "")


def test_pkg_config_names_the_version_and_nothing_private(installed):
    assert pkg_config(installed, "--modversion") == ["0.1.0"]
    assert [option for option in pkg_config(installed, "--libs")
            if option.startswith("-l")] == ["-lagora"]


def test_installed_command_mounts_with_the_installed_server(
        installed, tmp_path):
    command = find(installed, "bin/agora")
    library = find(installed, "libagora.so.0").parent
    space, tree = tmp_path / "space", tmp_path / "tree"
    space.mkdir()
    tree.mkdir()

    def run(*arguments):
        result = subprocess.run(
            [command, *arguments], capture_output=True, text=True,
            timeout=60, env=os.environ | {"LD_LIBRARY_PATH": str(library),
                                          "AGORA_SPACE": str(space)})
        assert (result.returncode, result.stderr) == (0, "")

    run("mount", tree)
    try:
        assert (tree / "README").read_text()
    finally:
        run("umount", tree)


def test_nothing_of_the_tests_is_installed(installed):
    names = {path.name for path in installed.rglob("*") if path.is_file()}
    assert not {n for n in names if "crash" in n or n.endswith(".a")}

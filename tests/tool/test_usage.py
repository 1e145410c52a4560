"""How the command is used wrongly, and what it says."""

import pytest

COMMANDS = ("mount umount ls register create rm stat push pop peek tail follow get "
            "put del range watch doctor").split()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(agora, command):
    out = agora.ok(command, "--help")
    assert out.startswith(f"Usage: agora {command} ")
    assert f"Examples:\n  agora {command}" in out
    assert "--space=DIR" in out


def test_help_lists_every_command(agora):
    out = agora.ok("--help")
    for command in COMMANDS:
        assert f"\n  {command} " in out


def test_version_is_printed(agora):
    assert agora.ok("--version").startswith("agora 0.")


@pytest.mark.parametrize("args, named", [
    ([], "agora --help"),
    (["frobnicate"], "frobnicate"),
    (["--frob"], "--frob"),
    (["ls", "--frob"], "--frob"),
    (["ls", "a", "b"], "'b'"),
    (["push"], "PATH"),
    (["pop"], "PATH"),
    (["pop", "-n", "many", "a/b.queue"], "'many'"),
    (["pop", "-n", "0", "a/b.queue"], "'0'"),
    (["pop", "-n"], "'n'"),
    (["peek", "a/b.queue", "c"], "'c'"),
    (["get", "a/b.table"], "KEY"),
    (["put", "a/b.table"], "KEY"),
    (["put", "a/b.table", "k", "v", "w"], "'w'"),
    (["del", "a/b.table"], "KEY"),
    (["del", "a/b.table", "k\\q"], "k\\q"),
    (["rm"], "PATH"),
    (["stat"], "PATH"),
    (["stat", "--holders", "a"], "--holders"),
    (["mount"], "DIR"),
    (["umount"], "DIR"),
    (["register"], "NAME"),
    (["register", "a", "b"], "'b'"),
    (["create"], "PATH"),
    (["create", "a", "--capacity", "1"], "--mode"),
    (["create", "a/b.queue", "--capacity", "12x"], "'12x'"),
    (["create", "a/b.queue", "--capacity", "12 "], "'12 '"),
    (["create", "a/b.queue", "--capacity", "12KK"], "'12KK'"),
    (["create", "a/b.queue", "--capacity", "-1"], "'-1'"),
    (["create", "a/b.queue", "--capacity", "0"], "--capacity"),
    (["create", "a/b.queue", "--capacity", "99999999999G"], "99999999999G"),
    (["create", "a/b.queue", "--message-size", ""], "--message-size"),
    (["create", "a/b.queue", "--type", "utf9"], "utf9"),
    (["create", "a/b.queue", "--writers", "two"], "two"),
    (["create", "a/b.queue", "--mode", "9"], "--mode"),
    (["create", "a/b.queue", "--mode", "7777"], "--mode"),
    (["push", "--raw", "a/b.queue", "m"], "'m'"),
    (["--space", "", "ls"], "--space"),
])
def test_wrong_use_is_one_line_that_names_it(agora, args, named):
    assert named in agora.no(*args, status=2)


@pytest.mark.parametrize("path", [
    "a/b", "a/b.frob", "a/b/c.queue", "/b.queue", "a/.queue", "a/",
    ".a/b.queue", "a/.b.queue", "a\n/b.queue", "a/b\x01.queue",
    pytest.param("a/" + "b" * 250 + ".queue", id="too long")])
@pytest.mark.parametrize("command", ["create", "rm", "stat", "push", "ls"])
def test_what_is_no_path_of_an_object_is_wrong_use(agora, command, path):
    line = agora.no(command, path, status=2)
    assert line.isprintable()


@pytest.mark.parametrize("name", [
    "", ".hidden", "a\nb", pytest.param("n" * 201, id="too long")])
@pytest.mark.parametrize("command", ["create", "rm", "stat", "ls", "register"])
def test_what_is_no_name_of_a_program_is_wrong_use(agora, command, name):
    assert "not a name" in agora.no(command, name, status=2)


def test_a_space_that_is_missing_is_named(agora, tmp_path):
    missing = tmp_path / "none"
    line = agora.no("ls", "--space", missing)
    assert str(missing) in line and "no such space" in line


def test_a_space_that_is_a_file_is_named(agora, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert str(file) in agora.no("--space", file, "ls")


def test_space_may_stand_before_or_behind_the_command(agora, tmp_path):
    agora.ok("create", "--space", tmp_path, "there")
    assert agora.ok("--space", tmp_path, "ls").startswith("there\t")
    assert agora.ok("ls") == ""


@pytest.mark.parametrize("args", [
    ["push", "m"], ["pop"], ["peek"], ["tail"]])
def test_a_table_refuses_the_verbs_of_a_queue(agora, table, args):
    line = agora.no(args[0], table, *args[1:], status=2)
    assert line == f"agora: {table}: a table cannot {LACKS[args[0]]}"


LACKS = {"push": "push", "pop": "pop", "peek": "pop", "tail": "walk"}


@pytest.mark.parametrize("args", [["get", "k"], ["put", "k", "v"],
                                  ["del", "k"], ["get"]])
def test_a_queue_refuses_the_verbs_of_a_table(agora, queue, args):
    line = agora.no(args[0], queue, *args[1:], status=2)
    assert queue in line and "a queue cannot" in line


@pytest.mark.parametrize("args", [
    ["push", "w/x.queue", "m"], ["pop", "w/x.queue"], ["peek", "w/x.queue"],
    ["tail", "w/x.queue"], ["tail", "-f", "w/x.queue"],
    ["get", "w/x.table", "k"], ["put", "w/x.table", "k", "v"],
    ["del", "w/x.table", "k"], ["stat", "w/x.queue"], ["doctor", "w/x.queue"]])
def test_a_missing_object_comes_with_a_hint(agora, args):
    path = next(arg for arg in args if "/" in arg)
    line = agora.no(*args)
    assert line == (f"agora: {path}: there is no such object "
                    f"(agora create -p {path} makes it)")


@pytest.mark.parametrize("args", [["stat", "w"], ["ls", "w"], ["rm", "w"],
                                  ["doctor", "w"], ["watch", "w"]])
def test_a_missing_program_is_named(agora, args):
    assert agora.no(*args) == "agora: w: there is no such program"


def test_a_write_error_is_told(agora, queue):
    with open("/dev/full", "w") as full:
        done = agora("ls", stdout=full)
    assert done.returncode == 1
    assert done.error == "agora: standard output: No space left on device\n"

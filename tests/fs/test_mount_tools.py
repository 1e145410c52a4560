"""Real tools on every kind of file: what each must give."""

import os
import shutil
import tarfile
import time

import pytest

LINES = "storm\ncalm\nrain in the north\n"
ENTRIES = "apple\t1\nbanana\t2 yellow\ncherry\t3\n"


@pytest.fixture
def tree(mount):
    """A queue, a table and their folders, with something in each."""
    mount.out("cat > p/q.queue", input=LINES.encode())
    mount.out("cat > p/t.table", input=ENTRIES.encode())
    mount.out("touch p/empty.queue p/empty.table; mkdir k")
    for name, text in KINDS.items():
        mount.out(f"cat > k/{name}", input=text.encode())
    mount.out("touch k/empty.string k/empty.log k/empty.set")
    return mount


# One of each other kind: what is written to it, as reading shows it again.
KINDS = {
    "jobs.heap": "1\tfire\n5\tsweep\n18446744073709551615\trest\n",
    "feed.log": "monday\ntuesday\n",
    "notes.list": "milk\nbread\n",
    "undo.stack": "one at a time\n",
    "index.map": "a\t1\nb\ttwo words\n",
    "members.set": "alice\nbob\n",
    "mode.string": "on\n",
}

FILES = {f"k/{name}": text for name, text in KINDS.items()} | {
    "k/index/b": "two words\n",
    "k/members/bob": "",
    "k/empty.string": "",
    "k/empty.log": "",
    "k/empty.set": "",
    "p/q.queue": LINES,
    "p/t.table": ENTRIES,
    "p/t/banana": "2 yellow\n",
    "p/empty.queue": "",
    "p/empty.table": "",
    "p/.program": "name\tp\nalive\tno\n",
}

READERS = {
    "cat": ["cat"],
    "head": ["head", "-n", "1000"],
    "tail": ["tail", "-n", "1000"],
    "tail -c": ["tail", "-c", "100000"],
    "sed": ["sed", ""],
    "grep": ["grep", ""],
    "awk": ["awk", "{print}"],
    "sort": ["sort", "-s", "-k", "99"],
    "less": ["less"],
    "dd": ["dd", "status=none", "bs=7", "if="],
    "python3": ["python3", "-c",
                "import sys; print(open(sys.argv[1]).read(), end='')"],
    "mapped": ["python3", "-c",
               "import sys, mmap, os\n"
               "fd = os.open(sys.argv[1], 0)\n"
               "n = os.fstat(fd).st_size\n"
               "print(mmap.mmap(fd, n, mmap.MAP_PRIVATE, 1)[:].decode()"
               " if n else '', end='')"],
    "tee": ["sh", "-c", "tee < \"$1\"", "sh"],
    "bash": ["bash", "-c", "x=$(<\"$1\"); echo -n \"${x:+$x\n}\"", "bash"],
    "vim": ["sh", "-c",
            "copy=$(mktemp); vim -u NONE -n -i NONE -es \"+w! $copy\" +q! "
            "\"$1\"; cat $copy; rm $copy", "sh"],
    "wc -l": ["sh", "-c", "wc -l < \"$1\"", "sh"],
    "wc -c": ["sh", "-c", "wc -c < \"$1\"", "sh"],
    "stat": ["stat", "-c", "%s"],
    "find": ["sh", "-c", "find \"$1\" -printf %s", "sh"],
}

COUNTS = {
    "wc -l": lambda text: f"{text.count(chr(10))}\n",
    "wc -c": lambda text: f"{len(text)}\n",
    "stat": lambda text: f"{len(text)}\n",
    "find": lambda text: f"{len(text)}",
}


@pytest.mark.parametrize("tool", READERS)
def test_each_tool_shows_what_is_there(tree, tool):
    program = tool if tool == "vim" else READERS[tool][0]
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    for name, text in FILES.items():
        words = list(READERS[tool])
        if words[-1].endswith("if="):
            words[-1] += name
        else:
            words.append(name)
        if tool == "vim" and not text:
            continue
        wanted = COUNTS.get(tool, lambda text: text)(text)
        assert tree.run(words).out == wanted, (tool, name)
    # and all is still there
    for name, text in FILES.items():
        assert tree.run(["cat", name]).out == text, name


def test_cp_makes_a_copy_and_takes_a_file(tree, tmp_path):
    tree.out(f"cp p/q.queue {tmp_path}/copy")
    assert (tmp_path / "copy").read_text() == LINES
    tree.out(f"cp {tmp_path}/copy p/new.queue; cat p/new.queue") == LINES
    tree.out("cp p/t.table p/copy.table")
    assert tree.out("cat p/copy.table") == ENTRIES
    tree.out("cp p/t/banana p/t/copy")
    assert tree.out("cat p/t/copy") == "2 yellow\n"


def test_tee_and_dd_write_what_they_are_given(tree):
    tree.out("seq 900 | tee p/tee.queue > /dev/null")
    assert tree.out("cat p/tee.queue") == "".join(
        f"{i}\n" for i in range(1, 901))
    tree.out("seq 900 | dd status=none bs=100 of=p/dd.queue")
    assert tree.out("wc -l < p/dd.queue") == "900\n"


def test_everything_can_be_searched_and_nothing_changes(tree):
    before = state(tree)
    assert tree.out("timeout 10 grep -rl rain p") == "p/q.queue\n"
    assert sorted(tree.out("timeout 10 grep -rl yellow .").split()) == [
        "./p/t.table", "./p/t/banana"]
    tree.out("timeout 10 find . -type f -exec cat {} + > /dev/null")
    tree.out("timeout 10 du -sh . > /dev/null; ls -lR > /dev/null")
    assert state(tree) == before


def state(tree):
    return tree.out("cat p/q.queue p/t.table p/t/*; ls p; "
                    "grep -E 'depth|pushed|popped' p/.q.queue/stat")


def test_tar_packs_the_whole_tree(tree, tmp_path):
    before = state(tree)
    tree.out(f"timeout 20 tar cf {tmp_path}/all.tar .")
    with tarfile.open(tmp_path / "all.tar") as tar:
        for name, text in FILES.items():
            assert tar.extractfile(f"./{name}").read().decode() == text, name
        assert "./README" in tar.getnames()
        assert "./p/.q.queue" not in tar.getnames()
    assert state(tree) == before


def test_rsync_copies_the_whole_tree(tree, tmp_path):
    if not shutil.which("rsync"):
        pytest.skip("rsync is not installed")
    before = state(tree)
    tree.out(f"timeout 20 rsync -a . {tmp_path}/copy")
    for name, text in FILES.items():
        assert (tmp_path / "copy" / name).read_text() == text, name
    tree.out(f"timeout 20 rsync -a . {tmp_path}/copy")
    assert state(tree) == before


def test_vim_does_not_replace_an_object(tree):
    if not shutil.which("vim"):
        pytest.skip("vim is not installed")
    inode = os.stat(tree.space / "p/q.queue").st_ino
    tree.run(["vim", "-u", "NONE", "-n", "-i", "NONE", "-es", "+$delete",
              "+wq!", "p/q.queue"])
    assert os.stat(tree.space / "p/q.queue").st_ino == inode
    assert set(os.listdir(tree.path("p"))) == {
        ".program", "q.queue", "t.table", "t", "empty", "empty.queue",
        "empty.table"}


def test_vim_edits_a_value(tree):
    if not shutil.which("vim"):
        pytest.skip("vim is not installed")
    tree.run(["vim", "-u", "NONE", "-n", "-i", "NONE", "-es",
              "+set nobackup nowritebackup", "+%s/yellow/green/", "+wq",
              "p/t/banana"])
    assert tree.out("cat p/t/banana") == "2 green\n"


def test_sed_in_place_and_install_leave_objects_alone(tree):
    assert "permitted" in tree.err("sed -i s/a/b/ p/q.queue")
    assert tree.out("cat p/q.queue") == LINES
    inode = os.stat(tree.space / "p/q.queue").st_ino
    tree.run("sed -i s/a/b/ p/q.queue; mv /etc/hostname.none p/q.queue")
    assert os.stat(tree.space / "p/q.queue").st_ino == inode


def test_sed_in_place_does_not_work_in_a_folder_but_harms_nothing(tree):
    tree.run("sed -i s/yellow/green/ p/t/banana")
    assert tree.out("cat p/t/banana") in ("2 yellow\n", "2 green\n")


def test_stat_shows_true_sizes_times_and_owners(tree):
    now = time.time()
    words = tree.out("stat -c '%s %F %a %U %h %Y' p/q.queue").split()
    assert words[0] == str(len(LINES))
    assert words[1:3] == ["regular", "file"]
    assert words[3:6] == ["644", "root", "1"]
    assert abs(int(words[6]) - now) < 60
    assert tree.out("stat -c %F p p/t p/.q.queue").split("\n")[:3] == [
        "directory"] * 3


def test_what_is_tapped_can_be_piped_line_by_line(tree):
    follow = tree.start_command("cat p/.q.queue/tap | grep --line-buffered"
                                " storm > p/storms.queue & "
                                "sleep 0.3; echo ready; wait")
    assert follow.stdout.readline() == b"ready\n"
    tree.out("printf 'a storm\\nsun\\n' > p/q.queue")
    end = time.monotonic() + 5
    while tree.out("cat p/storms.queue") != "a storm\n":
        assert time.monotonic() < end


def test_a_log_that_is_followed_becomes_messages(tree, tmp_path):
    log = tmp_path / "log"
    log.write_text("first\n")
    tree.start_command(f"tail -n +1 -f {log} > p/log.queue")
    end = time.monotonic() + 10
    for text in ("first\n", "first\nsecond\n"):
        if text != log.read_text():
            with log.open("a") as more:
                more.write("second\n")
        while tree.run("cat p/log.queue").out != text:
            assert time.monotonic() < end

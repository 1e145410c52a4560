"""Who may look, push and take: two users and a group."""

import os
import stat

import pytest

OWNER, MEMBER, STRANGER = 41001, 41002, 41003
GROUP = 41500
NOBODY = 65534  # fusermount3 wants users to have a name


@pytest.fixture
def queue(shared, native):
    """p/q.queue of OWNER and GROUP with one message."""
    shared.out("umask 0; touch p/q.queue", user=OWNER)
    shared.out(f"chgrp {GROUP} p/q.queue; echo first > p/q.queue", user=OWNER,
               groups=[GROUP])
    return shared


def may(mount, command, user, groups=()):
    done = mount.run(command, user=user, groups=groups)
    if done.status == 0 and not done.err:
        return True
    assert "Permission denied" in done.err, done.err
    return False


def rights(mount, user, groups=()):
    """Who may look, push, take, put, tap and see the state."""
    words = ""
    if may(mount, "cat p/q.queue", user, groups):
        words += "look "
    if may(mount, "echo more > p/q.queue", user, groups):
        words += "push "
    if may(mount, "cat p/.q.queue/pop", user, groups):
        words += "take "
    if may(mount, "echo more > p/.q.queue/put", user, groups):
        words += "put "
    if may(mount, "head -c 0 p/.q.queue/tap", user, groups):
        words += "tap "
    if may(mount, "cat p/.q.queue/stat", user, groups):
        words += "stat "
    return words.split()


ALL = ["look", "push", "take", "put", "tap", "stat"]
READ = ["look", "tap", "stat"]
WRITE = ["push", "put"]


@pytest.mark.parametrize("mode, owner, member, stranger", [
    ("600", ALL, [], []),
    ("660", ALL, ALL, []),
    ("640", ALL, READ, []),
    ("620", ALL, WRITE, []),
    ("664", ALL, ALL, READ),
    ("602", ALL, [], WRITE),
    ("444", READ, READ, READ),
    ("222", WRITE, WRITE, WRITE),
    ("066", [], ALL, ALL),
])
def test_rights_follow_from_the_mode(queue, mode, owner, member, stranger):
    queue.out(f"chmod {mode} p/q.queue", user=OWNER, groups=[GROUP])
    assert rights(queue, OWNER) == owner
    assert rights(queue, MEMBER, [GROUP]) == member
    assert rights(queue, STRANGER) == stranger


def test_what_a_user_makes_is_the_users(shared):
    shared.out("mkdir mine; touch mine/q.queue", user=OWNER)
    for name in ("mine", "mine/q.queue"):
        status = (shared.space / name).stat()
        assert (status.st_uid, status.st_gid) == (OWNER, OWNER)
    assert stat.S_IMODE((shared.space / "mine").stat().st_mode) == 0o755


def test_others_may_not_touch_a_users_program(shared):
    shared.out("mkdir mine; touch mine/q.queue", user=OWNER)
    for command in ("touch mine/r.queue", "rm -f mine/q.queue", "rmdir mine",
                    "mv mine yours", "mv mine/q.queue mine/r.queue",
                    "chmod 777 mine", "chmod 666 mine/q.queue",
                    f"chown {STRANGER} mine/q.queue",
                    "touch -d @1 mine/q.queue"):
        done = shared.run(command, user=STRANGER)
        assert done.status != 0, command
        assert any(word in done.err for word in
                   ("Permission denied", "not permitted")), done.err
    status = (shared.space / "mine/q.queue").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (OWNER, 0o644)


def test_a_sticky_program_protects_what_each_user_made(shared):
    shared.out("touch p/a.queue", user=OWNER)
    shared.out("touch p/b.queue", user=STRANGER)
    assert "not permitted" in shared.err("rm -f p/a.queue", user=STRANGER)
    shared.out("rm p/b.queue", user=STRANGER)


def test_a_group_may_create_where_its_directory_lets_it(shared):
    shared.out(f"mkdir -m 2770 team; chgrp {GROUP} team; chmod 2770 team")
    shared.out("touch team/q.queue", user=MEMBER, groups=[GROUP])
    status = (shared.space / "team/q.queue").stat()
    assert (status.st_uid, status.st_gid) == (MEMBER, GROUP)
    assert "Permission denied" in shared.err("touch team/r.queue",
                                             user=STRANGER)


def test_a_private_space_is_closed_to_others(make_mount):
    private = make_mount(mode=0o700).start()
    assert "Permission denied" in private.err("cat README", user=STRANGER)


def test_a_user_may_not_give_the_server_a_link_to_follow(shared):
    shared.out("mkdir mine", user=OWNER)
    secret = shared.space.parent / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    os.symlink(secret, shared.space / "mine/x.queue")
    os.symlink(secret.parent, shared.space / "evil")
    for command in ("cat mine/x.queue", "chmod 666 mine/x.queue",
                    "ls evil", "echo x > evil/x.queue"):
        assert shared.run(command, user=OWNER).status != 0
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_one_user_may_not_fill_the_server_with_waiting_requests(queue):
    # what is parked is counted by user: other users are not in the way
    readers = [queue.start_command(["cat", "p/.q.queue/pipe"], user=OWNER)
               for _ in range(20)]
    queue.out("chmod 666 p/q.queue", user=OWNER)
    queue.out("echo x > p/q.queue; cat p/q.queue", user=STRANGER)
    assert readers


@pytest.fixture
def open_device():
    """/dev/fuse as it is on a machine with udev: all users may mount."""
    mode = stat.S_IMODE(os.stat("/dev/fuse").st_mode)
    os.chmod("/dev/fuse", 0o666)
    yield
    os.chmod("/dev/fuse", mode)


@pytest.fixture
def own(make_mount, open_device):
    """A mount that an ordinary user made, of a space of his own."""
    mount = make_mount(mode=0o700)
    for path in (mount.space, mount.point):
        os.chown(path, NOBODY, NOBODY)
    return mount.start(user=NOBODY)


def test_an_ordinary_user_can_mount(own):
    own.point = own.point.parent  # others cannot even go there
    own.out("mkdir mnt/p; echo x > mnt/p/q.queue; cat mnt/p/q.queue",
            user=NOBODY)
    assert own.out("cat mnt/p/.q.queue/pop", user=NOBODY) == "x\n"
    assert own.run("cat mnt/README").status != 0
    assert own.run("cat mnt/README", user=STRANGER).status != 0
    line = [line for line in open("/proc/self/mounts")
            if line.startswith(f"agora {own.point}/mnt ")][0]
    assert "default_permissions" in line and "allow_other" not in line
    own.point = own.point / "mnt"

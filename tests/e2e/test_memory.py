"""Memory is bounded, whatever the number or size of files."""
import resource

from scale import LARGE_FILE, MANY_FILES, plain_build_only
from trees import write_random
from world import MiB, delivered

MOST = 200 * MiB


def most_used_by_any_program():
    """The largest resident set that any process of ours has had, server included (in Linux's KiB)."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@plain_build_only
def test_a_large_file_takes_less_than_200_mib_on_either_side(friends, server):
    alice, bob = friends
    write_random(alice.files / "film.mkv", LARGE_FILE)
    receiving = bob.receives()
    delivered(alice.sends("film.mkv", to=bob), receiving)
    server.stop()
    assert most_used_by_any_program() < MOST


@plain_build_only
def test_many_files_take_less_than_200_mib_on_either_side(friends, server):
    alice, bob = friends
    (alice.files / "tree").mkdir()
    for number in range(MANY_FILES):
        write_random(alice.files / "tree" / f"{number}", 4096, seed=number)
    receiving = bob.receives("--timeout", "60s")
    delivered(alice.sends("tree", "--lanes", "4", to=bob), receiving)
    server.stop()
    assert most_used_by_any_program() < MOST


@plain_build_only
def test_a_stream_faster_than_its_reader_is_not_kept_in_memory(friends):
    alice, bob = friends
    with open("/dev/zero", "rb") as endless:
        receiving = bob.receives()
        sending = alice.sends("-", "--level", "none", "--limit", "64M", to=bob, stdin=endless)
        sending.progress_beyond(300 * MiB)
        sending.interrupt()
        sending.ends(7)
    receiving.kill()
    assert most_used_by_any_program() < MOST

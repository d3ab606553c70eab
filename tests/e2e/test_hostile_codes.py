"""Servers that lie about one-time codes (tests/e2e/hostile/lies_about_codes.cpp): both sides end in words, no byte of the file goes to a key that
did not prove the code, and the one who shows it shows another one after each guess."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from liar import Lied
from trees import assert_same, write_random
from world import Peer

FILE = "secret.bin"


def wrong(code):
    number, first, second = code.split("-")
    return f"{number}-{first}-{'acid' if second != 'acid' else 'acorn'}"


def shown(sending, number=0):
    """The code that it shows, or the one after it, ..."""
    return sending.wait_until(lambda: [e for e in sending.events if e["event"] == "code"][number:number + 1], "a code")[0]["code"]


def by_code(peer, code, *more):
    return peer.start("receive", code, "--dir", peer.files, "--yes", *more)


def codes_of(sending):
    return [e["code"] for e in sending.events if e["event"] == "code"]


@pytest.fixture
def liar(tmp_path):
    return lambda lie: Lied(tmp_path, lie, strangers=True)


def nothing_went(lied, *sending):
    for each in sending:
        assert not each.find("path") and not each.find("done") and not each.find("accepted"), each.story()
    for folder in lied.folder.glob("*.files"):
        assert folder.name in ("alice.files", "carol.files") or not (folder / FILE).exists()
    lied.has_heard_nothing()


def says_why(receiving, status, *words):
    receiving.ends(status)
    error = receiving.event("error")
    for each in words:
        assert each in error["message"], receiving.story()
    assert error["hint"]


def burnt(sending, number=0):
    """A new code is shown, which has nothing in common with the one before."""
    before, after = shown(sending, number), shown(sending, number + 1)
    assert before.split("-")[0] != after.split("-")[0] and before.split("-")[1:] != after.split("-")[1:]
    sending.says("it is burnt, and nothing was sent")
    return after


def arrives(lied, sending, receiving):
    sending.ends(0), receiving.ends(0)
    assert_same(lied.alice.files / FILE, lied.bob.files / FILE)
    lied.has_heard_nothing()


# --- Somebody in the middle -----------------------------------------------------------------------------------------------------------------------

def test_a_server_that_guesses_learns_nothing_and_burns_the_code(liar):
    lied = alice, bob = liar("code-guessed")
    sending = alice.start("send", FILE)
    says_why(by_code(bob, shown(sending)), 6, "the code did not match")
    burnt(sending)
    assert sending.running()
    heard = lied.has_heard_nothing()
    assert b"has met" not in heard
    nothing_went(lied, sending)


def test_a_server_that_is_told_the_code_is_whoever_it_says_it_is(liar):
    """The code is all that the two have: who is told it, and stands between them, can be both. That this works is what makes the test above one."""
    lied = alice, bob = liar("code-told")
    sending = alice.start("send", FILE)
    code = shown(sending)
    (lied.folder / "overheard.code").write_text(code)
    receiving = by_code(bob, code)
    receiving.says("Met mallory by the code")
    lied.running.wait_until(lambda: FILE.encode() in lied.overheard.read_bytes(), "the offer, opened")
    heard = lied.overheard.read_bytes()
    assert b"has met alice" in heard and b"has met bob" in heard


# --- Whom it leads to whom ------------------------------------------------------------------------------------------------------------------------

def test_of_two_guests_for_one_code_neither_is_served(liar, tmp_path):
    lied = alice, bob = liar("code-two-guests")
    sending = alice.start("send", FILE)
    code = shown(sending)
    first, second = by_code(bob, code), Peer(tmp_path, "dave")
    second.init(lied.spec)
    lied.running.wait_until(lambda: len(lied.said("join")) == 1, "the first guest")
    second = by_code(second, code)
    burnt(sending)
    answers = [body for _, _, body in lied.said("message") if body[0] == 4 and len(body) > 97]
    assert len(answers) <= 1   # to whichever share came first
    assert first.ends() != 0 and second.ends() != 0
    assert first.event("error")["message"] and second.event("error")["message"]
    nothing_went(lied, sending)


def test_two_codes_with_one_number_are_two_codes(liar, tmp_path):
    lied = alice, bob = liar("code-same-number")
    carol = Peer(tmp_path, "carol")
    carol.init(lied.spec)
    write_random(carol.files / FILE, 1000)
    sending = alice.start("send", FILE)
    number = shown(sending).split("-")[0]
    other = carol.start("send", FILE)
    assert shown(other).split("-")[0] == number == "4821"
    says_why(by_code(bob, shown(sending)), 6, "the code did not match")
    burnt(other)   # to whom the guest was led
    assert len(codes_of(sending)) == 1 and sending.running()
    nothing_went(lied, sending, other)


def test_an_answer_from_another_exchange_is_none(liar, tmp_path):
    lied = alice, bob = liar("code-crossed")
    carol, dave = Peer(tmp_path, "carol"), Peer(tmp_path, "dave")
    for each in (carol, dave):
        each.init(lied.spec)
    write_random(carol.files / FILE, 1000)
    sending, other = alice.start("send", FILE), carol.start("send", FILE)
    guests = by_code(bob, shown(sending)), by_code(dave, shown(other))
    for each in guests:
        says_why(each, 6, "the code did not match")
    burnt(sending), burnt(other)
    nothing_went(lied, sending, other)


def test_an_exchange_that_is_played_again_is_none(liar, tmp_path):
    lied = alice, bob = liar("code-replayed")
    sending = alice.start("send", FILE)
    first = shown(sending)
    arrives(lied, sending, by_code(bob, first))
    sending = alice.start("send", FILE)
    assert shown(sending).split("-")[0] == first.split("-")[0]   # the same number, by the server's will
    second = burnt(sending)
    dave = Peer(tmp_path, "dave")
    dave.init(lied.spec)
    says_why(by_code(dave, second), 6, "the code did not match")
    says_why(by_code(dave, first), 6, "the code did not match")   # nor does it open to whoever knew the code of then
    assert not sending.find("path") and not (dave.files / FILE).exists()
    lied.has_heard_nothing()


def test_who_hears_themselves_has_met_nobody(liar):
    lied = alice, bob = liar("code-mirrored")
    sending = alice.start("send", FILE)
    says_why(by_code(bob, shown(sending)), 6, "the code did not match")
    burnt(sending)
    nothing_went(lied, sending)


# --- What it does to the messages -----------------------------------------------------------------------------------------------------------------

def without_the_last_word(lied, sending, receiving, status, words):
    """Both have proven the code by then. Either the offer is faster than the lie, and it arrives at the right one, or nothing comes of it."""
    if receiving.ends() == 0:
        return arrives(lied, sending, receiving)
    says_why(receiving, status, words)
    assert sending.ends() != 0
    assert sending.event("error")["message"]
    nothing_went(lied, sending)


ALTERED = {   # what the guest says: no share, no confirmation, a host that has hung up, no last word
    "code-alters-1": (4, "the other side went away"),
    "code-alters-2": (6, "the code did not match"),
    "code-alters-3": (6, "the code did not match"),
    "code-alters-4": (6, "the code did not match"),
}


@pytest.mark.parametrize("lie", ALTERED)
def test_a_bit_that_is_altered_is_a_wrong_code(liar, lie):
    lied = alice, bob = liar(lie)
    sending = alice.start("send", FILE, "--timeout", "20s")
    receiving = by_code(bob, shown(sending))
    if lie == "code-alters-4":
        return without_the_last_word(lied, sending, receiving, *ALTERED[lie])
    says_why(receiving, *ALTERED[lie])
    burnt(sending)
    nothing_went(lied, sending)


GONE = {
    "code-gone-1": (4, "the other side went away"),
    "code-gone-2": (4, "the other side went away"),
    "code-gone-3": (6, "did not match"),
    "code-gone-4": (6, "did not match"),
}


@pytest.mark.parametrize("lie", GONE)
def test_who_is_said_to_have_gone_has_burnt_the_code(liar, lie):
    lied = alice, bob = liar(lie)
    sending = alice.start("send", FILE, "--timeout", "20s")
    receiving = by_code(bob, shown(sending))
    if lie == "code-gone-4":
        return without_the_last_word(lied, sending, receiving, *GONE[lie])
    says_why(receiving, *GONE[lie])
    burnt(sending)
    nothing_went(lied, sending)


def test_a_server_that_ends_each_code_at_once_is_not_asked_for_ever(liar):
    lied = alice, _ = liar("code-gone-0")
    sending = alice.start("send", FILE)
    sending.ends(6)
    assert "the 10th time" in sending.event("error")["message"]
    assert len(set(codes_of(sending))) == 10
    nothing_went(lied, sending)


def test_a_confirmation_before_its_time_is_none(liar):
    lied = alice, bob = liar("code-early")
    sending = alice.start("send", FILE)
    assert by_code(bob, shown(sending)).ends() != 0
    burnt(sending)
    nothing_went(lied, sending)


DROPPED = {
    "code-drops-1": (4, "did not answer in time", True),   # by the guest's going away, which the server tells although it did not tell of its coming
    "code-drops-2": (4, "did not answer in time", True),
    "code-drops-3": (4, "did not answer in time", True),
}


def test_what_is_dropped_ends_in_words_after_half_a_minute(tmp_path):
    """At the same time, since each takes the 30 seconds that an exchange may."""
    def drop(lie):
        (tmp_path / lie).mkdir()
        lied = alice, bob = Lied(tmp_path / lie, lie, strangers=True)
        sending = alice.start("send", FILE)
        status, words, burns = DROPPED[lie]
        says_why(by_code(bob, shown(sending)), status, words)
        if burns:
            burnt(sending)
        assert sending.running() and len(codes_of(sending)) == (2 if burns else 1)
        nothing_went(lied, sending)

    def drop_the_last():
        """Both have proven the code by then: the offer comes, without a welcome before it."""
        (tmp_path / "last").mkdir()
        lied = alice, bob = Lied(tmp_path / "last", "code-drops-4", strangers=True)
        sending = alice.start("send", FILE)
        arrives(lied, sending, by_code(bob, shown(sending)))

    with ThreadPoolExecutor() as at_once:
        for each in [*(at_once.submit(drop, lie) for lie in DROPPED), at_once.submit(drop_the_last)]:
            each.result()


# --- What it says besides -------------------------------------------------------------------------------------------------------------------------

def test_news_that_nobody_asked_for_is_none(liar):
    lied = alice, bob = liar("code-unasked")
    sending = alice.start("send", FILE)
    receiving = by_code(bob, shown(sending))
    arrives(lied, sending, receiving)
    assert len(codes_of(sending)) == 1


def test_an_offer_of_somebody_else_is_not_what_the_code_was_for(liar):
    lied = alice, bob = liar("code-intruder")
    sending = alice.start("send", FILE)
    receiving = by_code(bob, shown(sending))
    arrives(lied, sending, receiving)
    assert b"an intruder's offer was made" in lied.overheard.read_bytes()
    assert [e["peer_id"] for e in receiving.events if e["event"] == "offer"] == [alice.peer_id]
    assert [p.name for p in bob.files.iterdir()] == [FILE]

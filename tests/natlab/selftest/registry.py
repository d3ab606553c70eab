"""Proofs and their names. A proof is a function that makes a laboratory, measures, and compares; its name is the sentence that it proves."""
from dataclasses import dataclass
from functools import partial
from typing import Callable

proofs = []


class Disproved(AssertionError):
    """What was expected and what was measured, in words."""


@dataclass(frozen=True)
class Proof:
    subject: str     # the module
    sentence: str
    run: Callable    # what it gives is shown with -v: the figures
    quiet: bool      # measures time or rate: nothing else is to run beside it
    timed: bool      # a machine that is busy for a moment can make it fail: it is tried again, once and alone
    takes: float     # seconds, roughly: long ones begin first

    @property
    def name(self):
        return f"{self.subject}: {self.sentence}"


def proves(sentence, each=({},), quiet=False, timed=False, takes=1.0):
    """`each`: the function's arguments, once for every proof; they may stand in the sentence."""
    def register(function):
        subject = function.__module__.rpartition(".")[2].replace("_", " ")
        proofs.extend(Proof(subject, sentence.format(**case), partial(function, **case), quiet, timed or quiet, takes) for case in each)
        return function
    return register


# --- Comparing ----------------------------------------------------------------------------------------------------------

def same(what, measured, expected):
    if measured != expected:
        raise Disproved(f"{what}: expected {_words(expected)}, measured {_words(measured)}")


def differ(what, *measured):
    if len(set(measured)) != len(measured):
        raise Disproved(f"{what}: expected {len(measured)} different ones, measured {_words(measured)}")


def holds(what, fact, measured=""):
    if not fact:
        raise Disproved(f"expected: {what}; measured: {_words(measured) if measured != '' else 'not so'}")


def within(what, measured, low, high, unit=""):
    if not low <= measured <= high:
        raise Disproved(f"{what}: expected {low:.6g} to {high:.6g}{unit}, measured {measured:.6g}{unit}")


def _words(value):
    return value if isinstance(value, str) else repr(value)

"""Nothing in the tree or its history is a secret of somebody, or says whose machine it was written on. What looks like one and is none stands in ALLOWED with
the reason. (gitleaks does more of the kind, and is not in Debian 12.)"""
import collections
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

# Nobody writes these by accident, so they are looked for in every commit as well.
KEYS_AND_TOKENS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "age or ssh key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}|\bb3BlbnNzaC1rZXktdjE",
    "AWS key": r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{50,})",
    "GitLab token": r"\bglpat-[0-9A-Za-z_-]{20}\b",
    "Slack token": r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "API key": r"\bsk-(?:[a-z]+-)*[0-9A-Za-z_-]{32,}\b|\bnpm_[0-9A-Za-z]{36}\b|\bpypi-[0-9A-Za-z_-]{50,}",
    "JSON web token": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
}
OTHERS = {
    "password": r"""(?i)\b(?:password|passwd|secret|api_?key|access_?key|auth_?token)["']?\s*[:=]\s*["'][^"'\s{}<>$%]{6,}["']""",
    "login in an address": r"""\b[a-z][a-z0-9+.-]{2,}://[^/\s:@"'{}]+:[^/\s:@"'{}]+@[^\s/"']+""",
    "e-mail address": r"(?<![\w%.+:-])[\w.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b",
    "somebody's folder": r"(?<![\w.~/])(?:/home/[a-z_][\w.-]*|/Users/\w[\w.-]*|/root|/work|/workspace|/builds|[A-Z]:\\\\?Users\\\\?\w+)/",
}
UNLIKELY_BY_CHANCE = {"random letters": r"[A-Za-z0-9+/_-]{32,}={0,2}", "random hex": r"\b[0-9A-Fa-f]{32,}\b"}
KINDS = KEYS_AND_TOKENS | OTHERS | UNLIKELY_BY_CHANCE

# USER is a word of our own documentation. Whose addresses are nobody's: RFC 2606 and 6761. Whose folders: the two who have written to each other since 1978.
NOBODYS = re.compile(r"://\[?USER\b|@(?:[\w-]+\.)*(?:example(?:\.(?:com|net|org))?|invalid|test|localhost)(?::\d+)?\W*$|^/home/(?:alice|bob|carol|you|user)/")

# (where it begins, what it looks like, why it is none)
ALLOWED = (
    ("apps/pshare/in_force.cpp", "login in an address", "what a proxy looks like whose password is hidden, in a comment"),
    ("tests/shell/test_completions.py", "login in an address", "a login of nobody, to see whether bash takes it apart"),
    ("tests/unit/apps/config_file/", "login in an address", "logins of nobody, to proxies that are not there"),
    ("tests/unit/apps/config_file/", "somebody's folder", "folders of nobody, in settings that are only read"),
    ("tests/packaging/", "somebody's folder", "root's, on the machines that these tests make"),
    ("packaging/msi/sources.sha256", "random hex", "digests of the source packages that the libraries for Windows are built from"),
    ("secure/spake2.cpp", "random hex", "the points M and N of RFC 9382"),
    ("tests/fuzz/corpus/fuzz_stun/", "random letters", "the nonce of RFC 8489, appendix B.1, and what fuzzing made of it"),
    ("tests/fuzz/corpus/fuzz_identity_file/", "private key", "keys that were made for the fuzzer and belong to nobody"),
    ("tests/fuzz/corpus/fuzz_identity_file/", "random letters", "the same keys"),
    ("tests/fuzz/corpus/fuzz_command_line/", "login in an address", "an input of the fuzzer, made for it"),
    ("tests/e2e/test_codes_on_the_wire.py", "random hex", "points and vectors of RFC 9382"),
    ("tests/unit/secure/receipt_test.cpp", "random hex", "SHA-256 of nothing and of abc (FIPS 180-4)"),
    ("tests/unit/transfer/content_tree_test.cpp", "random hex", "roots of small trees (RFC 6962), worked out by another program"),
    ("tests/e2e/hostile/names.txt", "somebody's folder", "where a hostile sender would like to write"),
    ("tests/e2e/test_hostile_names.py", "somebody's folder", "the same"),
    ("tests/fuzz/corpus/fuzz_proxy/", "login in an address", "an input of the fuzzer, made for it"),
    ("tests/unit/io/proxy_test.cpp", "login in an address", "a login of nobody, to a proxy that is not there"),
    ("tests/unit/secure/hmac_test.cpp", "random hex", "vectors of RFC 4231, and the digest of nothing"),
    ("tests/unit/secure/identity_test.cpp", "private key", "keys that nobody has: nonsense, of a kind that pshare has no use for, and locked by a passphrase; all to be refused"),
    ("tests/unit/secure/identity_test.cpp", "random letters", "the same keys"),
    ("tests/unit/secure/identity_test.cpp", "random hex", "the public key of RFC 8032, 7.1, test 1, and its digest"),
    ("tests/unit/secure/spake2_test.cpp", "random hex", "vectors of RFC 9382"),
    ("tests/unit/transfer/checksum_test.cpp", "random hex", "the XXH3-128 of nothing"),
    ("tests/unit/traversal/punching/check_test.cpp", "random hex", "checks and their keys, fixed by the test"),
    ("tests/unit/wire/stun_test.cpp", "random hex", "vectors of RFC 5769"),
    ("docs/protocol.md", "random hex", "the points M and N of RFC 9382"),
    ("tests/second/codes.py", "random hex", "the same, and the curve"),
    ("tests/second/vectors.py", "random hex", "something compressed"),
    ("tests/vectors/", "random hex", "vectors; their keys are made of words that stand in tests/second/vectors.py"),
)


def git(*arguments):
    # Whoever the clone belongs to: it is only read.
    return subprocess.run(["git", "-c", "safe.directory=*", *arguments], cwd=TOP, capture_output=True, check=True).stdout


def files():
    if not shutil.which("git") or not (TOP / ".git").exists():
        pytest.skip("this is no clone with git, so nobody knows which files are ours")
    # Also what is not committed yet: that is when it is best found.
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted({name.decode() for name in names.split(b"\0") if name and (TOP / name.decode()).is_file()})


def entropy(text):
    """Bits of a letter (Shannon)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in collections.Counter(text).values())


def looks_random(kind, text):
    if kind == "random hex":
        return entropy(text.lower()) > 3.4 and not re.fullmatch(r"\d+", text)
    mixed = all(re.search(letters, text) for letters in ("[a-z]", "[A-Z]", "[0-9]"))
    return mixed and entropy(text) > 4.4 and not is_words(text)


def is_words(text):
    """A path or a name, such as 0017-quic-by-ngtcp2 or GivesUpOnceTheLastSendHasHadItsWait: runs of small letters make most of it."""
    return sum(map(len, re.findall(r"[A-Z]?[a-z]{3,}", text))) > 0.35 * len(text)


def suspects(text, kinds):
    for kind, pattern in kinds.items():
        for hit in re.finditer(pattern, text):
            words = hit.group()
            if NOBODYS.search(words) or kind in UNLIKELY_BY_CHANCE and not looks_random(kind, words):
                continue
            yield kind, words, text.count("\n", 0, hit.start()) + 1


def is_allowed(name, kind):
    return any(name.startswith(start) and kind == allowed for start, allowed, _ in ALLOWED)


def found_in(name, text):
    return [f"{name}:{line}: {kind}: {words[:12]}..." for kind, words, line in suspects(text, KINDS) if not is_allowed(name, kind)]


def test_no_file_of_the_tree_holds_a_secret_or_names_a_machine():
    found = [each for name in files() for each in found_in(name, (TOP / name).read_bytes().decode("latin-1"))]
    assert not found, "\n".join([*found, "If it is no secret: ALLOWED in tests/release/test_secrets.py, with the reason. If it is one: it is known now, make a new one."])


def test_no_commit_brought_in_a_key_or_a_token():
    files()
    log = git("log", "-p", "--no-color", "--no-ext-diff", "--unified=0", "--format=commit %H")
    commit, name, found = "", "", []
    any_of_them = re.compile("|".join(f"(?:{pattern})" for pattern in KEYS_AND_TOKENS.values()))
    for line in log.decode("latin-1").splitlines():
        if line.startswith("commit "):
            commit = line
        elif line.startswith("+++ b/"):
            name = line.removeprefix("+++ b/")
        elif line.startswith("+") and any_of_them.search(line):
            found += [f"{commit[:14]}: {name}: {kind}: {line[:40]}..." for kind, _, _ in suspects(line, KEYS_AND_TOKENS) if not is_allowed(name, kind)]
    assert not found, "\n".join(found)


def test_what_is_allowed_is_still_there():
    names = files()
    for start, kind, why in ALLOWED:
        assert why
        texts = [(TOP / name).read_bytes().decode("latin-1") for name in names if name.startswith(start)]
        assert any(found == kind for text in texts for found, _, _ in suspects(text, KINDS)), f"nothing in {start} looks like a {kind} any more: take it off the list"


@pytest.mark.parametrize("kind, planted", [
    ("private key", "-----BEGIN " + "OPENSSH PRIVATE KEY-----"),
    ("AWS key", "AKIA" + "QX7Z" * 4),
    ("GitHub token", "ghp_" + "a1B2c3" * 6),
    ("password", "password" + " = \"hunter2hunter2\""),
    ("login in an address", "https://joe:" + "hunter2" + "@somewhere.net/"),
    ("e-mail address", "joe" + "@somewhere.net"),
    ("somebody's folder", "/home" + "/joe/src/pshare"),
    ("random letters", "Zm9vYmFyQmF6UXV4" + "MTIzNDU2Nzg5MEFCQ0RFRkdI"),
    ("random hex", "3f9c1b7e5d2a4806" + "9be17c35fa02d846"),
])
def test_a_planted_one_is_found(kind, planted):
    assert any(f": {kind}: " in each for each in found_in("apps/planted.cpp", f"// line\n{planted}\n"))

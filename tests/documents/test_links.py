"""Links of the documents lead somewhere, files that they name are there, and pictures can be read by a browser."""
import re
import subprocess
import xml.etree.ElementTree

import documents
from documents import TOP

FOLDERS = ("apps", "wire", "secure", "io", "traversal", "transfer", "relay", "tests", "packaging", "docs", "cmake")


def markdown():
    """All of the tree, as git knows it."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], capture_output=True, text=True)
    if listed.returncode != 0:   # an unpacked release
        return [path for path in TOP.rglob("*.md") if "build" not in path.relative_to(TOP).parts]
    return [TOP / name for name in listed.stdout.split("\n") if name and (TOP / name).exists()]


def anchors(document):
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.S | re.M)
    found = set()
    for heading in re.findall(r"(?m)^#+ +(.*?) *#*$", text):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(words if words not in found else f"{words}-{sum(each.startswith(words) for each in found)}")
    return found


def test_every_link_leads_somewhere():
    missing, seen = [], 0
    for document in markdown():
        for target in re.findall(r"\]\(([^)\s]+)\)", documents.without_code(document.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            seen += 1
            path, _, anchor = target.partition("#")
            there = (document.parent / path).resolve() if path else document
            if not there.exists() or (anchor and anchor not in anchors(there)):
                missing.append(f"{document.relative_to(TOP)}: {target}")
    assert seen > 50 and not missing, "\n".join(missing)


def test_every_file_that_a_document_names_is_there():
    missing, seen = [], 0
    for document in documents.DOCUMENTS:
        for span in documents.code_spans(document.read_text(encoding="utf-8")):
            if not re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]*", span) or span.startswith("docs/images/"):
                continue
            seen += 1
            place = TOP / span.rstrip("/")
            if not any((place.parent / (place.name + end)).exists() for end in ("", ".hpp", ".cpp", ".py")):
                missing.append(f"{document.relative_to(TOP)}: {span}")
    assert seen > 50 and not missing, "\n".join(missing)


def test_the_index_names_every_document():
    index = (TOP / "docs/README.md").read_text(encoding="utf-8")
    assert not [path.name for path in documents.DOCUMENTS if path.parent.name == "docs" and path.name != "README.md" and f"]({path.name})" not in index]


def test_pictures_are_small_and_well_formed_and_ask_nobody_for_anything():
    pictures = list((TOP / "docs/images").glob("*.svg"))
    assert len(pictures) >= 2
    for picture in pictures:
        assert picture.stat().st_size < 300_000, picture
        text = picture.read_text(encoding="utf-8")
        assert xml.etree.ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "<script" not in text and not re.search(r"https?://(?!www\.w3\.org)", text), picture


def test_the_ladder_has_the_five_tiers_in_their_order():
    picture = xml.etree.ElementTree.parse(TOP / "docs/images/ladder.svg")
    tiers = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text") if each.get("class") == "tier"]
    assert tiers == re.search(r"there are ([a-z, ]+)\.", (TOP / "apps/pshare/options.cpp").read_text(encoding="utf-8"), re.I).group(1).replace(" and ", ", ").split(", ")


def test_the_recorded_session_is_one_of_this_program():
    said = " ".join(xml.etree.ElementTree.parse(TOP / "docs/images/session.svg").getroot().itertext())
    for words in ("pshare send film.mkv", "pshare receive", "Code, good for one try:", "Connected: punched", "Sent 1 file", "Received 1 file"):
        assert words in said
    assert "Code, good for one try:" in (TOP / "apps/pshare/report.cpp").read_text(encoding="utf-8"), "record it anew: docs/images/record.py"

"""A grid's results for people: a table (plain or Markdown) and what it comes to. Pure: cells in, text out."""
import statistics

from .grid_reach import KINDS, RELAYED
from .grid_verdict import FORWARDED, NO_PATH, Verdict

CORNER = "sender \\ receiver"


def verdict_of(cell):
    return Verdict(cell["word"], cell["note"])


def size_words(count):
    for unit, words in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {words}" if count < 10 * unit else f"{count / unit:.0f} {words}"
    return f"{count} B"


def _cell_lines(runs):
    """Two: what came of it, and what the counters say."""
    if not runs:
        return "", ""
    seconds = [run["seconds"]["path"] for run in runs if "path" in run["seconds"] and verdict_of(run).good]
    time = f" {statistics.median(seconds):.2f} s" if seconds else ""
    words = [run["word"] for run in runs]
    counted = [f"{word} {words.count(word)}/{len(words)}" if len(words) > 1 else word for word in dict.fromkeys(words)]
    with_bytes = [run["bytes"] for run in runs if run["bytes"]]
    if not with_bytes:
        return ", ".join(counted) + time, ""
    straight, server = (size_words(max(each[where] for each in with_bytes)) for where in ("straight", "server"))
    return ", ".join(counted) + time, f"{straight} | {server}"


def _matrix(cells):
    senders = list(dict.fromkeys(cell["sender"] for cell in cells))
    receivers = list(dict.fromkeys(cell["receiver"] for cell in cells))
    if set(senders) == set(receivers):
        receivers = senders
    runs = {}
    for cell in cells:
        runs.setdefault((cell["sender"], cell["receiver"]), []).append(cell)
    return senders, receivers, lambda sender, receiver: _cell_lines(runs.get((sender, receiver)))


def plain(cells):
    senders, receivers, lines_of = _matrix(cells)
    columns = [[CORNER, *(line for sender in senders for line in (sender, ""))]]
    columns += [[receiver, *(line for sender in senders for line in lines_of(sender, receiver))] for receiver in receivers]
    widths = [max(map(len, column)) for column in columns]
    rows = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in zip(*columns)]
    rule = "-" * sum(widths, 2 * (len(widths) - 1))
    return "\n".join([rows[0], rule, *rows[1:]]).rstrip()


def markdown(cells):
    senders, receivers, lines_of = _matrix(cells)
    safe = [CORNER, *receivers]
    rows = [f"| {' | '.join(safe)} |", "|" + "---|" * len(safe)]
    for sender in senders:
        texts = ["<br>".join(filter(None, lines_of(sender, receiver))).replace("|", "/") for receiver in receivers]
        rows.append(f"| **{sender}** | {' | '.join(texts)} |")
    return "\n".join(rows)


LEGEND = ("Each cell: what came of it, and seconds from both programs running to the path. Below: bytes counted from site to site, and through the server\n"
          "(both directions, whole packets).")


_MEASURED = (("path", "path"), ("first_byte", "first file byte"))


def times(cells, kind_of):
    """Rows of words: of the straight cells, by what their pairs take, the medians of the times that matter. The first row is the heading."""
    rows = [("what the pair takes", "straight cells", *(f"{what}, median (slowest)" for _, what in _MEASURED))]
    for kind in KINDS:
        seen = [cell for cell in cells if kind_of(cell["sender"], cell["receiver"]) == kind and verdict_of(cell).straight]
        if not seen:
            continue
        seconds = [[cell["seconds"][name] for cell in seen if name in cell["seconds"]] for name, _ in _MEASURED]
        rows.append((kind, str(len(seen)), *(f"{statistics.median(each):.2f} s ({max(each):.2f} s)" if each else "" for each in seconds)))
    return rows if len(rows) > 1 else []


def plain_rows(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)


def markdown_rows(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines[:1] + ["|" + "---|" * len(row) for row in rows[:1]] + lines[1:])


def reached(cells, expected):
    """A sentence: how many of the pairs that can be straight are so in every direction and run, and whether the others are relayed, or say that there is no path."""
    can, cannot, relayed = {}, {}, {}
    for cell in cells:
        word = expected(cell["sender"], cell["receiver"])
        into = can if word == "straight" else cannot if word == NO_PATH else relayed if word == RELAYED else None
        if into is not None:
            into.setdefault(frozenset((cell["sender"], cell["receiver"])), []).append(verdict_of(cell))
    straight = sum(all(verdict.straight for verdict in verdicts) for verdicts in can.values())
    told = sum(all(verdict.word == NO_PATH for verdict in verdicts) for verdicts in cannot.values())
    rest = f" Of the {len(cannot)} others, {told} say \"{NO_PATH}\" and why." if cannot else ""
    over_relays = sum(all(verdict.word in FORWARDED for verdict in verdicts) for verdicts in relayed.values())
    rest += f" Of the {len(relayed)} others, {over_relays} are relayed." if relayed else ""
    return f"Of the {len(can)} pairs that can be straight at all, {straight} are, in every direction and run.{rest}"


def summary(cells):
    """Sentences."""
    counts = {}
    for cell in cells:
        counts[cell["word"]] = counts.get(cell["word"], 0) + 1
    lines = [f"{len(cells)} cells: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items(), key=lambda each: -each[1])) + "."]
    pairs = {}
    for cell in cells:
        pairs.setdefault(frozenset((cell["sender"], cell["receiver"])), []).append(verdict_of(cell))
    straight = sum(all(verdict.straight for verdict in verdicts) for verdicts in pairs.values())
    lines.append(f"Straight, in every direction and run: {straight} of {len(pairs)} pairs of sites.")
    for what, words in (("path", "to the path"), ("first_byte", "to the first file byte")):
        seconds = sorted(cell["seconds"][what] for cell in cells if what in cell["seconds"] and verdict_of(cell).good)
        if seconds:
            lines.append(f"Seconds from both programs running {words}: median {statistics.median(seconds):.2f}, "
                         f"fastest {seconds[0]:.2f}, slowest {seconds[-1]:.2f}.")
    crossed = [cell["bytes"]["server"] for cell in cells if verdict_of(cell).straight]
    if crossed:
        lines.append(f"Through the server in straight cells: at most {size_words(max(crossed))}.")
    return lines


def is_trouble(cell):
    """Neither a tier nor a clear word that there is none."""
    return not verdict_of(cell).good or cell["word"] == "mixed"


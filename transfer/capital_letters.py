#!/usr/bin/env python3
"""Prints capital_letters.inc: every letter of Unicode's Basic Multilingual Plane that has a capital of its own, of one letter, as ranges with a step."""
import sys
import unicodedata

pairs = []
for number in range(0x80, 0x10000):
    letter = chr(number)
    capital = letter.upper()
    if len(capital) != 1:  # such as 'ŉ'; but some have a capital letter of their own for titles and a longer one elsewhere
        capital = letter.title() if len(letter.title()) == 1 else letter
    if capital != letter and ord(capital) < 0x10000:
        pairs.append((number, ord(capital) - number))

runs = []  # first, last, step, distance
for number, distance in pairs:
    if runs:
        first, last, step, known = runs[-1]
        apart = number - last
        if distance == known and apart in (1, 2) and step in (0, apart):
            runs[-1] = (first, number, apart, distance)
            continue
    runs.append((number, number, 0, distance))

print(f"// Written by capital_letters.py, from Unicode {unicodedata.unidata_version}: first and last small letter, from one to the next, and how far each is from its capital.")
for first, last, step, distance in runs:
    print(f"{{0x{first:04X}, 0x{last:04X}, {step or 1}, {distance}}},")
print(f"{len(runs)} ranges, {len(pairs)} letters", file=sys.stderr)

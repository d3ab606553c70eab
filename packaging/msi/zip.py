#!/usr/bin/env python3
"""Packs a folder's files into a zip that is the same each time: zip.py ZIP NAME FOLDER SECONDS

NAME is the folder that they lie in inside, SECONDS (since 1970) the time that all of them bear.
"""

import pathlib
import sys
import time
import zipfile

target, name, folder, seconds = sys.argv[1:]
with zipfile.ZipFile(target, "w") as archive:
    for path in sorted(pathlib.Path(folder).iterdir()):
        entry = zipfile.ZipInfo(f"{name}/{path.name}", time.gmtime(int(seconds))[:6])
        entry.create_system = 0  # as on Windows: no modes
        entry.external_attr = 0
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes(), compresslevel=9)

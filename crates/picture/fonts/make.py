"""Makes the fonts in this folder from those that npm's Fontsource packages; see README.md.

Usage: make.py FOLDER, where FOLDER has the packages as npm unpacks them.
"""

import sys
from io import BytesIO
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

INTER = "@fontsource-variable/inter/files/inter-{}-opsz-normal.woff2"
SCRIPTS = ["latin", "latin-ext", "vietnamese", "cyrillic", "cyrillic-ext", "greek", "greek-ext"]
# What writing needs. Inter has some forty more for choosing other shapes.
FEATURES = ["calt", "ccmp", "curs", "fina", "init", "isol", "kern", "liga", "locl", "mark", "medi", "mkmk", "rclt", "rlig"]


def opened(path, **axes):
    font = TTFont(path)
    font.flavor = None
    return instantiateVariableFont(font, axes, inplace=True) if axes else font


def trimmed(font, drop=()):
    """The font with what writing needs, without hints and without the characters of `drop`."""
    options = Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["STAT", "DSIG", "meta"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=set(font.getBestCmap()) - set(drop))
    subsetter.subset(font)
    file = BytesIO()
    font.save(file)
    file.seek(0)
    return file


def merged(files):
    """One font of many. What two of them have is taken from the first, so that no glyph is there twice."""
    parts, seen = [], set()
    for file in files:
        font = file()
        here = set(font.getBestCmap())
        if here - seen:
            parts.append(trimmed(font, drop=seen))
        seen |= here
    return Merger().merge(parts) if len(parts) > 1 else TTFont(parts[0])


def named(font, family, style, weight, path):
    name = font["name"]
    full = f"{family} {style}"
    for number, text in {1: full, 2: "Regular", 3: full, 4: full, 6: full.replace(" ", ""), 16: family, 17: style}.items():
        name.setName(text, number, 3, 1, 0x409)
    name.names = [record for record in name.names if record.platformID == 3]
    font["OS/2"].usWeightClass = weight
    font["head"].created = font["head"].modified = 0  # the same fonts make the same bytes
    font.recalcTimestamp = False
    font.save(path)
    print(path, Path(path).stat().st_size)


def main(folder, here):
    for family, style, weight, size in [
        ("Inter", "Regular", 400, 14),
        ("Inter", "SemiBold", 600, 14),
        ("Inter Display", "Bold", 700, 32),
    ]:
        files = [lambda path=folder / INTER.format(script): opened(path, wght=weight, opsz=size) for script in SCRIPTS]
        named(merged(files), family, style, weight, here / f"{family.replace(' ', '')}-{style}.ttf")
    for script in ["arabic", "hebrew"]:
        for style, weight in [("Regular", 400), ("Bold", 700)]:
            path = folder / f"@fontsource/noto-sans-{script}/files/noto-sans-{script}-{script}-{weight}-normal.woff2"
            family = f"Noto Sans {script.title()}"
            named(merged([lambda: opened(path)]), family, style, weight, here / f"{family.replace(' ', '')}-{style}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)

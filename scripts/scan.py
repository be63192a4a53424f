"""Reads the QR codes of a folder with zbar and zxing-cpp, as they are and after what happens to prints.

    python3 scan.py FOLDER

The folder is what `cargo run -p mask-picture --example qr_codes` writes. Each picture is read four times: as drawn; out of
focus; turned; as a poor JPEG. Those that are there as SVG or PDF are drawn by librsvg or poppler and read, too. Prints how
many each decoder reads of what, and ends with status 1 where a code is read by neither, or fewer than 99 of 100 by both. The latter
is asked of codes as they were issued: of those whose address has grown since (`grown`), zbar misses more where a logo hides the pattern
in the middle that large codes have, and the other decoder reads them all.
"""

import collections
import concurrent.futures
import io
import os
import subprocess
import sys
from pathlib import Path

import zxingcpp
from PIL import Image, ImageFilter
from pyzbar import pyzbar

# The blur of a lens out of focus, in widths of a module (standard deviation): neighbours run into one another.
BLUR = 0.35
DEGREES = 5
JPEG_QUALITY = 50
READ_BY_BOTH = 0.99
# Pixels that a renderer makes of one: codes as vectors are for what is larger than a screen.
ENLARGED = 3


def ways(picture, module, ground):
    """What becomes of a picture."""
    yield "as drawn", picture
    yield "blurred", picture.filter(ImageFilter.GaussianBlur(BLUR * module))
    yield "turned", picture.rotate(DEGREES, Image.Resampling.BICUBIC, expand=True, fillcolor=ground)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY)
    yield "JPEG", Image.open(file).convert("RGB")


def vectors(path, size):
    """What other programs draw of the files that are not pixels."""
    svg, pdf = path.with_suffix(".svg"), path.with_suffix(".pdf")
    if svg.exists():
        yield "SVG", drawn("rsvg-convert", f"--width={size * ENLARGED}", svg)
    if pdf.exists():
        yield "PDF", drawn("pdftoppm", "-r", str(96 * ENLARGED), "-png", pdf)


def drawn(*command):
    return Image.open(io.BytesIO(subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout))


def laid_on(picture, ground):
    """A picture that lets its ground shine through, upon it."""
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture).convert("RGB")


def by_zbar(picture):
    return [found.data.decode() for found in pyzbar.decode(picture.convert("L"), symbols=[pyzbar.ZBarSymbol.QRCODE])]


def by_zxing(picture):
    return [found.text for found in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]


def read(task):
    """Which way each decoder reads one code: (way, by zbar, by zxing, about)."""
    folder, line = task
    name, size, module, ground, content, about = line.split("\t")
    path = folder / f"{name}.png"
    picture = laid_on(Image.open(path), ground)
    assert picture.width == int(size), f"{path} is {picture.width} pixels wide, not {size}"
    seen = [*ways(picture, int(module), ground)]
    seen += [(way, laid_on(other, ground)) for way, other in vectors(path, int(size))]
    about = f"{name} size={size} module={module} {about}"
    return [(way, content in by_zbar(one), content in by_zxing(one), about) for way, one in seen]


def counted(readings, key):
    """How many there are of each kind, and how many were read by zbar, zxing, either, both."""
    counts = collections.defaultdict(collections.Counter)
    for way, zbar, zxing, about in readings:
        counts[key(way, about)].update(pictures=1, zbar=zbar, zxing=zxing, either=zbar or zxing, both=zbar and zxing)
    return dict(sorted(counts.items()))


def member(name):
    return lambda _way, about: f"{name} " + next(part.split("=")[1] for part in about.split() if part.startswith(f"{name}="))


def main():
    folder = Path(sys.argv[1])
    tasks = [(folder, line) for line in (folder / "codes.tsv").read_text().splitlines()]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as workers:
        readings = [reading for some in workers.map(read, tasks, chunksize=16) for reading in some]

    whole = counted(readings, lambda _way, _about: "all")
    print(f"{len(tasks):,} codes      pictures     zbar    zxing   either     both")
    issued = [reading for reading in readings if "grown=false" in reading[3]]
    ways_, whole_issued = counted(issued, lambda way, _about: way), counted(issued, lambda _way, _about: "as issued")
    divided = [counted(readings, member(name)) for name in ("shape", "level", "grown")]
    for name, count in {**ways_, **{name: count for some in divided for name, count in some.items()}, **whole_issued, **whole}.items():
        shares = "".join(f"{count[who] / count['pictures']:9.2%}" for who in ("zbar", "zxing", "either", "both"))
        print(f"  {name:<14}{count['pictures']:9,}{shares}")

    (folder / "missed.tsv").write_text("".join(f"{way}\tzbar={zbar}\tzxing={zxing}\t{about}\n" for way, zbar, zxing, about in readings if not (zbar and zxing)))
    unread = [(way, about) for way, zbar, zxing, about in readings if not (zbar or zxing)]
    for way, about in unread[:20]:
        print(f"  read by neither, {way}: {about}", file=sys.stderr)
    poor = [name for name, count in {**ways_, **whole_issued}.items() if count["both"] < READ_BY_BOTH * count["pictures"]]
    for name in poor:
        print(f"  read by both too seldom: {name}", file=sys.stderr)
    return 1 if unread or poor else 0


if __name__ == "__main__":
    sys.exit(main())

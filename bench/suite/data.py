"""Made-up links, the same at each run, and a data folder with a million of them.

The million is made once, through the API as a customer would, and kept in `bench/work` for as long as neither the schema
nor the recipe changes. Scenarios work on copies of it.
"""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import time
from itertools import islice

from . import http, load
from .places import WORK
from .servers import DOMAINS, Mask

MILLION = 1_000_000
# To be raised when what is made here becomes something else: kept folders are made anew then.
RECIPE = 1
SLUG_LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
TAG_COUNT = 2000

# How many of a million links have this word in their title.
MARKED = {"zephyrine": 1, "quixotry": 20, "marzipan": 500, "obsidian": 5_000, "gazebo": 50_000}

NOUNS = """apron anchor atlas basket blanket blazer bottle bracelet button cabinet candle canvas cardigan carpet chair clock
coat collar compass cradle cup curtain cushion desk drawer easel feather flask fountain frame garland glove guitar hammer
hammock hat helmet jacket jar kettle keyboard kite ladder lamp lantern lens linen locket mantle marble mattress mirror
mitten mug napkin necklace needle oven paddle parka pencil pendant piano pillow pitcher planter poncho quilt racket ribbon
ring rug saddle sandal satchel scarf scissors shawl shelf shirt shoe shovel skirt slipper sofa spoon stool sweater table
teapot tent tie toaster towel tray tripod trousers tunic umbrella vase vest violin wallet watch wheel whistle wreath""".split()
KINDS = """amber azure brass bright bronze calm carved classic coastal cobalt copper coral cotton crimson crisp dark deep
elegant emerald festive floral forest frosted gentle gilded golden grand green grey hand heavy indigo ivory jade lavender
leather light little lunar maple matte mellow midnight mild minimal misty modern mossy navy noble nordic oak oaken olive
opal painted pale pastel pearl plain polished purple quiet rare red ripe royal rustic sage sandy scarlet silk silver slate
small smoky soft solar solid spring steel stone striped summer sunny teal tidy timeless tiny travel vintage violet warm
white wild winter wool woven yellow young""".split()
SHOPS = """acme-store birchandco bluebarn brightmart cedarlane daybreak fernhill foundry goodgrove harbour homestead
ironwood juniper kindling lakeside larkspur lowland marigold meadow millhouse northwind orchard pebble pinecone quarry
redbrick riverbend saltbox seaside stonegate sundial thistle timberline tradewind upland valley waypoint westgate wildrose
workbench""".split()
SOURCES = ["newsletter", "instagram", "spring-sale", "partner", "printed-flyer", "podcast", "youtube", "footer"]


class MadeUp:
    """An endless row of links, each what the body of a `POST /links` would be. The same seed makes the same row."""

    def __init__(self, seed=1):
        self.chance = random.Random(seed)
        self.slugs = set()
        self.number = 0
        tags = [f"{self.chance.choice(KINDS)}-{self.chance.choice(NOUNS)}-{place}" for place in range(TAG_COUNT)]
        self.tags = tags
        # As Zipf saw it: the second is half as common as the first.
        self.tag_weights = [1 / (place + 1) for place in range(TAG_COUNT)]
        self.marks = {}
        places = random.Random(2)
        for word, count in MARKED.items():
            for place in places.sample(range(MILLION), count):
                self.marks.setdefault(place, []).append(word)

    def __iter__(self):
        return self

    def __next__(self):
        chance = self.chance
        shop, kind, noun = chance.choice(SHOPS), chance.choice(KINDS), chance.choice(NOUNS)
        domain = chance.choices(DOMAINS, (80, 15, 5))[0]
        tags = set(chance.choices(self.tags, self.tag_weights, k=chance.choice((0, 1, 1, 2, 3))))
        # A common tag that no link of the other two domains has: filters that meet nowhere.
        if domain == DOMAINS[2] and chance.random() < 0.5:
            tags.add("print")
        words = [kind.capitalize(), noun, *self.marks.get(self.number, [])]
        link = {
            "url": f"https://www.{shop}.com/collections/{chance.choice(KINDS)}/{kind}-{noun}-{chance.randrange(100_000)}?ref={chance.choice(SOURCES)}",
            "domain": domain,
            "slug": self.slug(),
            "title": f"{' '.join(words)} | {shop.capitalize()}",
            "tags": sorted(tags),
        }
        if chance.random() < 0.3:
            link["external_id"] = f"sku-{self.number}"
        self.number += 1
        return link

    def slug(self):
        while True:
            slug = "".join(self.chance.choices(SLUG_LETTERS, k=7))
            if slug not in self.slugs:
                self.slugs.add(slug)
                return slug


def fresh(name):
    """An empty folder for data."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def create(server, links, connections=4):
    """Creates links by bulk requests of 100; answers how long it took."""
    links = iter(links)
    template = load.api_posts(server.api_key(), "/links/bulk")
    began = time.monotonic()
    # In slices, so that neither this process nor the disk has to hold the bodies of a million links.
    while slice_ := list(islice(links, 50_000)):
        bodies = (json.dumps({"links": slice_[at : at + 100]}) for at in range(0, len(slice_), 100))
        load.ask(server, template, load.values("bulk", bodies), pick="each", connections=connections)
    return time.monotonic() - began


def million(links=MILLION):
    """The folder with a million links, made if it is not there, and the file of their addresses in an order by chance."""
    folder = WORK / f"links-{links}-{fingerprint()}"
    if not (folder / "made.json").exists():
        _make(folder, links)
    return folder


def addresses(folder):
    """Domain and slug of each link, in an order by chance."""
    lines = (folder / "addresses.txt").read_text().split("\n")
    random.Random(3).shuffle(lines)
    return lines


def copy(folder, name):
    """A copy that may be changed."""
    target = WORK / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    # Else the first `fsync` of whoever works on it writes the whole copy.
    os.sync()
    return target


def rows(folder, sql, *values, file="mask.db"):
    """What a query finds in a database that nobody is writing to."""
    database = sqlite3.connect(f"file:{folder / file}?mode=ro", uri=True)
    try:
        return database.execute(sql, values).fetchall()
    finally:
        database.close()


def _make(folder, count):
    for old in WORK.glob(f"links-{count}-*"):
        shutil.rmtree(old)
    unfinished = fresh("links-unfinished")
    made_up = []

    def noted():
        for link in islice(MadeUp(), count):
            made_up.append(f"{link['domain']}\t{link['slug']}")
            yield link

    with Mask(unfinished).wait_until_ready() as server:
        cpu_before = server.cpu_s()
        seconds = create(server, noted())
        cpu_us = (server.cpu_s() - cpu_before) / count * 1e6
        print(f"   {count} links by bulk requests: {seconds:.0f} s, {cpu_us:.0f} µs of the server's CPU each", flush=True)
        _click(server, made_up)
        _archive(server, unfinished, count)
        server.stop()
    there = rows(unfinished, "SELECT count(*) FROM links")[0][0]
    if there != count:
        raise RuntimeError(f"{there} links are there in place of {count}")
    (unfinished / "addresses.txt").write_text("\n".join(made_up))
    # What the clicks have recorded is nobody's business here, and would be copied each time.
    size = (unfinished / "mask.db").stat().st_size
    (unfinished / "made.json").write_text(json.dumps({"links": count, "seconds": round(seconds), "cpu_us_per_link": round(cpu_us), "bytes": size}))
    unfinished.rename(folder)


def _click(server, made_up):
    """Clicks, few links having most of them, so that a sort by clicks has something to sort."""
    chance = random.Random(4)
    count = len(made_up)
    favourites = (made_up[min(int(chance.paretovariate(0.6)), count) - 1] for _ in range(count // 3))
    load.ask(server, load.clicks(), load.values("favourites", favourites), pick="each", connections=64)
    server.wait_until_drained()


def _archive(server, folder, count):
    """Archives one link in fifty, which also gives them another time of change."""
    ids = [id_ for (id_,) in rows(folder, "SELECT id FROM links WHERE seq % 50 = 7")]
    key = {"Authorization": f"Bearer {server.api_key()}", "Host": "localhost"}
    for at in range(0, len(ids), 100):
        body = {"ids": ids[at : at + 100], "set": {"archived": True}}
        reply = http.ask(server.port, "PATCH", "/api/v1/links/bulk", body, key)
        if reply.status != 200:
            raise RuntimeError(f"links cannot be archived: {reply.status} {reply.body[:300]}")


def fingerprint(*more):
    """Of the tables as this very program makes them, as the files of the checkout may be ahead of it, and of whatever
    else the data comes from."""
    folder = fresh("schema")
    with Mask(folder).wait_until_ready() as server:
        server.stop()
    tables = [rows(folder, "SELECT sql FROM sqlite_master ORDER BY name", file=file) for file in ("mask.db", "clicks.db")]
    shutil.rmtree(folder)
    return hashlib.sha256(repr((RECIPE, tables, *more)).encode()).hexdigest()[:12]

"""A bio page found in memory: at most twice what a redirect costs.

The same server, links and pages in its memory, the same browsers, slugs by chance, 64 kept connections in a closed loop. A page
is some twelve blocks and as many kilobytes, which the kernel has to move; everything else that a visit is (the look-up, the
record in the journal, the head of the answer) is what a redirect has too. The drain is put off until after the rounds, as in
`redirect-hot`. The same page asked for with its entity tag, which is how a returning browser asks, has a figure of its own.
"""

import shutil
from itertools import islice

from .. import data, http, load, servers
from ..bench import measured

NAME = "page"
LINKS = 1_000
PAGES = 200
CONNECTIONS = 64
PROMISE = 2.0


def content(number):
    """A page as people have them: links, a headline, a text, profiles, a form."""
    links = [
        {"type": "link", "data": {"title": f"Something that is worth a visit, number {place}", "url": f"https://example.com/{number}/{place}"}}
        for place in range(8)
    ]
    profiles = [{"platform": name, "url": f"https://{name}.com/page{number}"} for name in ("github", "instagram", "tiktok")]
    more = [
        {"type": "header", "data": {"text": "Where else to find me"}},
        {"type": "social", "data": {"profiles": profiles}},
        {"type": "text", "data": {"content": "I write about *machines that think*, and sometimes build them.\n\n- Mathematics\n- Poetry"}},
        {"type": "email", "data": {"mode": "signup", "title": "Letters", "button_text": "Subscribe", "success_message": "Thank you!"}},
    ]
    return {
        "domain": servers.DOMAINS[0], "slug": f"page-{number:04}", "published": True, "title": f"Page number {number}",
        "description": "Mathematician, writer, and the first to see that a machine could do more than count.",
        "blocks": links + more,
    }


def run(bench):
    made = [{**link, "domain": servers.DOMAINS[0]} for link in islice(data.MadeUp(seed=7), LINKS)]
    folder = data.fresh("page")
    tags = []
    with servers.Mask(folder).wait_until_ready() as server:
        data.create(server, made)
        port, headers = server.port, {"Authorization": f"Bearer {server.api_key()}"}
        for number in range(PAGES):
            body = content(number)
            reply = http.ask(port, "POST", "/api/v1/bio-pages", body, {"Host": "localhost", **headers})
            if reply.status != 201:
                raise RuntimeError(f"a page was not made: {reply.status} {reply.body[:500]}")
            page = http.get(port, f"/{body['slug']}", {"Host": body["domain"]})
            tags.append((body["domain"], body["slug"], page.headers["etag"], len(page.body)))
        server.stop()
    bytes_ = sorted(size for *_, size in tags)[PAGES // 2]
    links = load.values("page-links", (f"{link['domain']}\t{link['slug']}" for link in made))
    pages = load.values("page-pages", (f"{domain}\t{slug}\t{tag}" for domain, slug, tag, _ in tags))
    seconds = bench.seconds(8)

    def round_of(name, templates, values):
        def measure():
            copy = data.copy(folder, "page-copy")
            # The drain looks for the first time when its interval has passed; the round is over by then.
            with servers.Mask(copy, name, clicks__drain_interval_ms=60_000).wait_until_ready() as server:
                load.ask(server, templates, values, connections=CONNECTIONS, pick="each")
                ask = lambda: load.ask(server, templates, values, connections=CONNECTIONS, seconds=seconds)
                numbers = measured(server, ask)[1]
            shutil.rmtree(copy)
            return numbers
        return measure

    seen = bench.rounds(bench.count(7, 1), {
        "redirect": round_of("redirect", load.clicks(), links),
        "page": round_of("page", load.clicks(), pages),
        "page-known": round_of("page-known", load.known_pages(), pages),
    })
    column = lambda name, what="cpu_us": [round_[what] for round_ in seen[name]]
    # Each round beside the redirect's of the same turn: what the machine did then, it did to both.
    ratios = lambda name: [mine / others for mine, others in zip(column(name), column("redirect"))]
    note = f"The page in the middle has {bytes_:,} bytes."
    bench.figure("bio page from memory, view journalled, CPU against a redirect", ratios("page"), "× redirect", ("at most", PROMISE), note=note)
    bench.figure("the same, of which the visitor has a copy, CPU against a redirect", ratios("page-known"), "× redirect")
    for name in ("redirect", "page", "page-known"):
        bench.figure(f"{name}, CPU", column(name), "µs")
        bench.figure(f"{name} on one core", column(name, "per_s"), "/s")

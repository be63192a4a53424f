// The pages that are looked at: one of each theme with a block of each kind, one that runs from right to left, one of words
// that do not break, and those that try to get markup in. All of them are made over the API, as anybody would.
import { deflateSync, crc32 } from "node:zlib";

export const PRESETS = ["paper", "ink", "meadow", "dusk", "ocean", "blossom"];

/** A client of the API at this address. */
export function client(base, key) {
  return async (method, path, body, type = "application/json") => {
    const answer = await fetch(`${base}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": type },
      body: type === "application/json" ? JSON.stringify(body) : body,
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
}

/** A PNG of a gradient with a disc in it. */
function drawing(width, height, from, to) {
  const rows = [];
  for (let y = 0; y < height; y++) {
    const row = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x++) {
      const share = (x / width + y / height) / 2;
      const inside = Math.hypot(x - width / 2, y - height * 0.55) < Math.min(width, height) * 0.3;
      for (let part = 0; part < 3; part++) {
        const value = from[part] * (1 - share) + to[part] * share;
        row[1 + x * 3 + part] = Math.min(255, Math.round(inside ? value * 1.18 : value));
      }
    }
    rows.push(row);
  }
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32 ? crc32(body) : crc(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

/** CRC-32, for a node that has none. */
function crc(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** Pictures of ours to show. */
export async function pictures(api) {
  const upload = async (...drawn) => (await api("POST", "/uploads", drawing(...drawn), "image/png")).url;
  return {
    avatar: await upload(384, 384, [244, 150, 110], [90, 60, 140]),
    small: await upload(192, 192, [60, 120, 160], [220, 210, 180]),
    goods: await upload(800, 600, [190, 90, 80], [240, 200, 150]),
    wide: await upload(1280, 800, [70, 100, 110], [200, 195, 165]),
  };
}

const link = (title, more = {}) => ({ type: "link", data: { title, url: "https://example.com/somewhere", ...more } });

/** A block of each kind. */
export function blocks(pictures) {
  return [
    {
      type: "social",
      data: {
        profiles: [
          { platform: "instagram", url: "https://instagram.com/ada" },
          { platform: "youtube", url: "https://youtube.com/@ada" },
          { platform: "mastodon", url: "https://social.example/@ada" },
          { platform: "github", url: "https://github.com/ada" },
          { platform: "email", url: "mailto:ada@example.com" },
        ],
      },
    },
    link("Book a consultation"),
    link("My new essay: notes on the analytical engine, and what it means to weave algebraical patterns", { thumbnail_url: pictures.small }),
    link("Letters", { thumbnail_url: pictures.small }),
    link("Call the workshop", { url: "tel:+442079460000" }),
    { type: "header", data: { text: "From the shop" } },
    {
      type: "product",
      data: {
        title: "Jacquard loom print, A3, signed",
        image_url: pictures.goods,
        price: "1249.50",
        currency: "EUR",
        url: "https://example.com/print",
        button_text: "Buy now",
      },
    },
    {
      type: "text",
      data: {
        content:
          "## About me\nI write about *machines that think*, and sometimes build them. Find my talks [on this page](https://example.com/talks) or write to me.\n\n- Mathematics\n- Poetical science\n\n> The engine has no pretensions to originate anything.",
      },
    },
    { type: "video", data: { url: "https://www.youtube.com/watch?v=dQw4w9WgXcQ", title: "How the analytical engine would have counted, card by card" } },
    { type: "spotify", data: { url: "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC" } },
    { type: "image", data: { url: pictures.wide, alt: "A loom with a chain of cards", link: "https://example.com/loom", caption: "The loom at the museum, 1843" } },
    { type: "email", data: { mode: "signup", title: "Letters from the engine room", button_text: "Subscribe", success_message: "Thank you! The next letter is yours." } },
    { type: "email", data: { mode: "contact", title: "Write to me", button_text: "Send", success_message: "Thank you, I will answer." } },
  ];
}

/** Makes a page, and answers its address. */
export async function page(api, domain, slug, content) {
  return (await api("POST", "/bio-pages", { domain, slug, published: true, ...content })).url;
}

const words = {
  title: "Ada Lovelace",
  description: "Mathematician, writer, and the first to see that a machine could do more than count.",
};

/** The pages by name, and their addresses. */
export async function all(api, domain) {
  const shown = await pictures(api);
  const made = {};
  for (const preset of PRESETS) {
    made[preset] = await page(api, domain, `theme-${preset}`, {
      ...words,
      avatar_url: shown.avatar,
      theme: { preset },
      blocks: blocks(shown),
    });
  }
  made.rtl = await page(api, domain, "from-right-to-left", {
    title: "شيرين نشأت",
    description: "فنانة ومخرجة. أكتب عن الضوء والظل.",
    avatar_url: shown.avatar,
    blocks: [
      link("احجز موعدًا"),
      link("مقالتي الجديدة", { thumbnail_url: shown.small }),
      { type: "header", data: { text: "المتجر" } },
      { type: "text", data: { content: "مرحبًا! هذا **نص** قصير مع [رابط](https://example.com)." } },
      link("A link in English"),
      link("راسلني", { url: "mailto:shirin@example.com" }),
      { type: "social", data: { profiles: [{ platform: "email", url: "mailto:shirin@example.com" }, { platform: "website", url: "https://example.com" }] } },
      { type: "video", data: { url: "https://vimeo.com/76979871", title: "فيلم قصير عن الضوء" } },
      { type: "video", data: { url: "https://vimeo.com/76979872" } },
      { type: "spotify", data: { url: "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC" } },
      { type: "email", data: { mode: "contact", title: "اكتب لي", button_text: "أرسل", success_message: "شكرًا لك." } },
    ],
  });
  const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
  made.long = await page(api, domain, "words-without-end", {
    title: long,
    description: long + long,
    theme: { font: "mono" },
    blocks: [
      link(long, { thumbnail_url: shown.small }),
      { type: "header", data: { text: long } },
      { type: "text", data: { content: `${long} \`${long}\` https://example.com/${"a".repeat(200)}\n\n    ${long} ${long}` } },
      { type: "product", data: { ...blocks(shown).find(({ type }) => type === "product").data, title: long, button_text: long.slice(0, 40) } },
      { type: "video", data: { url: "https://vimeo.com/76979871", title: long + long.slice(0, 30) } },
      { type: "email", data: { mode: "signup", title: long, button_text: long.slice(0, 40), success_message: long } },
    ],
  });
  return made;
}

/** A block with a form. */
export const form = (mode, more = {}) => ({ type: "email", data: { mode, title: "Write to me", button_text: "Send", success_message: "Thank you.", ...more } });

/** Pages that hold these texts wherever a text can stand, some texts on each; and what is to be seen where. */
export async function hostile(api, domain, texts, each) {
  const { wide, goods } = await pictures(api);
  // As much as there is room for, and as the API keeps it.
  const line = (most) => (text) => [...text.replaceAll("\t", " ")].slice(0, most).join("").trim();
  const [name, title, caption, button, message] = [100, 120, 300, 40, 300].map(line);
  const made = [];
  for (let start = 0; start < texts.length; start += each) {
    const some = texts.slice(start, start + each);
    const description = [...some.join("\n")].slice(0, 500).join("").trim();
    const product = (text) => ({ title: title(text), image_url: goods, price: "1", currency: "EUR", url: "https://example.com", button_text: button(text) });
    made.push({
      title: name(some[0]),
      description,
      shown: [
        ["h2.heading", null, some.map(title)],
        ["a.link", null, some.map(title)],
        [".image img", "alt", some.map(caption)],
        ["figcaption", null, some.map(caption)],
        [".video b", null, some.map(title)],
        [".video", "data-title", some.map(title)],
        [".spotify b", null, some.map(title)],
        [".product h2", null, some.map(title)],
        [".product .button", null, some.map(button)],
        [".product .button", "aria-label", some.map((text) => `${button(text)}: ${title(text)}`)],
        [".email h2", null, some.map(title)],
        [".email .button", null, some.map(button)],
        ["[id$='-done']", null, some.map(message)],
      ],
      url: await page(api, domain, `markup-${start}`, {
        title: name(some[0]),
        description,
        blocks: some.flatMap((text) => [
          { type: "header", data: { text: title(text) } },
          link(title(text)),
          { type: "text", data: { content: text } },
          { type: "image", data: { url: wide, alt: caption(text), caption: caption(text) } },
          { type: "video", data: { url: "https://vimeo.com/76979871", title: title(text) } },
          { type: "spotify", data: { url: "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC", title: title(text) } },
          { type: "product", data: product(text) },
          form("signup", { title: title(text), button_text: button(text), success_message: message(text) }),
        ]),
      }),
    });
  }
  return made;
}

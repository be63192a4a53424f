"""Questions to the statistics, as requests and as plain SQL over rows, and whether two answers are the same."""

import calendar
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from .clicks import DAY_MS

# What has a column in the rows, and what stands for no value.
COLUMNS = {
    "country": "country", "city": "city", "device": "device", "os": "os", "browser": "browser", "language": "language",
    "referrer": "coalesce(nullif(referrer, ''), 'direct')", "source": "source", "variant": "choice", "bot": "class", "link": "link",
}
TIMES = ("day", "hour")
# How far local time is ahead of UTC, all of the time that is asked about.
ZONES = {"UTC": 0, "Asia/Kathmandu": 20_700_000, "America/New_York": -14_400_000}
OF_VISITS = [*COLUMNS, "region", "referrer_url"]
OF_LINKS = ["domain", "tag", "campaign", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"]
GROUPS = [*TIMES, *OF_VISITS, *OF_LINKS]


@dataclass(frozen=True)
class Question:
    """Of a window of whole days in UTC: its first and its last day, or until now."""

    about: str
    first: str
    last: str | None
    group: str
    filters: tuple = ()
    link: str | None = None

    def path(self):
        query = {"start": self.first, "groupBy": self.group, **dict(self.filters)}
        if self.last:
            query["end"] = self.last
        if self.link:
            query["linkId"] = self.link
        return "/analytics/clicks?" + urlencode(query)

    def name(self):
        """For a person."""
        return " ".join([f"{self.about} by {self.group}", *(f"{name}={value}" for name, value in self.filters)])

    def kind(self):
        """What it asks to be looked at, for a table."""
        names = [self.group, *(name for name, _ in self.filters)]
        if any(name in OF_LINKS for name in names):
            return "properties of links"
        if "referrer_url" in names:
            return "referring pages"
        filters = [name for name in names[1:] if name in OF_VISITS]
        return f"{'time' if self.group in TIMES else 'a property of visits'}, {'filtered' if filters else 'all'}"

    def sql(self):
        """`None` when the rows do not say it. The visitors of a question that asks for them are one by one."""
        conditions = self._conditions()
        if conditions is None or not (self.group in TIMES or self.group in COLUMNS):
            return None
        local = f"(moment + {self._ahead_ms()})" if self._ahead_ms() else "moment"
        counts = "count(*), count(DISTINCT visitor)" if self.asks_visitors() else "count(*)"
        if self.group in TIMES:
            value, order = (f"{local} - {local} % 86400000" if self.group == "day" else f"{local} % 86400000 - {local} % 3600000"), "1"
        else:
            value, order = COLUMNS[self.group], "2 DESC, 1 LIMIT 100"
        return f"SELECT {value}, {counts} FROM clicks WHERE {' AND '.join(conditions)} GROUP BY 1 ORDER BY {order}"

    def asks_visitors(self):
        return dict(self.filters).get("metrics") == "clicks,visitors"

    def rows_of_sql(self, rows):
        """What SQL has found, as answers have it."""
        if self.group == "day":
            return [[_date(row[0]), *row[1:]] for row in rows]
        if self.group == "hour":
            return [[f"{row[0] // 3_600_000:02}", *row[1:]] for row in rows]
        return [list(row) for row in rows]

    def rows_of_reply(self, reply):
        """What the API has answered; times at which there was nothing are left out, as SQL does."""
        label = "date" if self.group == "day" else self.group
        members = [label, "clicks", *(["visitors"] if self.asks_visitors() else [])]
        return [[row[name] for name in members] for row in reply["data"] if row["clicks"] or self.group not in TIMES]

    def _ahead_ms(self):
        return ZONES[dict(self.filters).get("timezone", "UTC")]

    def _conditions(self):
        filters = dict(self.filters)
        asks_bots = "bot" in filters or self.group == "bot"
        bots = filters.pop("bots", "include" if asks_bots else "exclude")
        filters.pop("metrics", None)
        filters.pop("timezone", None)
        conditions = [f"moment >= {_millis(self.first) - self._ahead_ms()}"]
        if self.last:
            conditions.append(f"moment < {_millis(self.last) + DAY_MS - self._ahead_ms()}")
        if self.link:
            conditions.append(f"link = '{self.link}'")
        if bots != "include":
            conditions.append(f"is_counted = {0 if bots == 'only' else 1}")
        for name, value in filters.items():
            if name not in COLUMNS:
                # Of links, or a length of time.
                return None
            conditions.append(f"{COLUMNS[name]} = '{value}'")
        return conditions


def _millis(date):
    return calendar.timegm(time.strptime(date, "%Y-%m-%d")) * 1000


def _date(millis):
    return time.strftime("%Y-%m-%d", time.gmtime(millis // 1000))

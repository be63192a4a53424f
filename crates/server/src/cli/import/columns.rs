//! The first line of a file: which column holds what.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    At,
    Link,
    ShortUrl,
    Slug,
    Domain,
    PageId,
    BlockId,
    QrCodeId,
    QrToken,
    UserAgent,
    Referrer,
    ReferrerUrl,
    Country,
    Region,
    City,
    Language,
    Device,
    Browser,
    Os,
    Bot,
    IsBot,
    Reason,
    Variant,
    Source,
    Visitor,
    IsUnique,
    Count,
    /// Known, and of no use here.
    Nothing,
}

/// The names of columns; the first of several is the usual one.
const NAMES: [(&str, Column); 37] = [
    ("at", Column::At),
    ("timestamp", Column::At),
    ("date", Column::At),
    ("created_at", Column::At),
    ("link", Column::Link),
    ("short_url", Column::ShortUrl),
    ("slug", Column::Slug),
    ("domain", Column::Domain),
    ("page_id", Column::PageId),
    ("block_id", Column::BlockId),
    ("qr_code_id", Column::QrCodeId),
    ("qr_token", Column::QrToken),
    ("user_agent", Column::UserAgent),
    ("referrer", Column::Referrer),
    ("referer", Column::Referrer),
    ("referrer_url", Column::ReferrerUrl),
    ("country", Column::Country),
    ("country_code", Column::Country),
    ("region", Column::Region),
    ("city", Column::City),
    ("language", Column::Language),
    ("device", Column::Device),
    ("browser", Column::Browser),
    ("os", Column::Os),
    ("bot", Column::Bot),
    ("class", Column::Bot),
    ("is_bot", Column::IsBot),
    ("reason", Column::Reason),
    ("variant", Column::Variant),
    ("source", Column::Source),
    ("visitor", Column::Visitor),
    ("is_unique", Column::IsUnique),
    ("count", Column::Count),
    ("clicks", Column::Count),
    ("cursor", Column::Nothing),
    ("title", Column::Nothing),
    ("url", Column::Nothing),
];

/// What others call the address of a visitor.
const ADDRESSES: [&str; 10] = [
    "ip",
    "ip_address",
    "ipaddress",
    "visitor_ip",
    "client_ip",
    "remote_ip",
    "remote_addr",
    "remote_address",
    "address",
    "hashed_ip",
];

/// Why a first line is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "there is a column {0:?}, and addresses of visitors are never stored here; take it out of the file (to tell visitors \
         apart, have a column \"visitor\" with any text that stands for one: only a number made from it is kept)"
    )]
    Address(String),
    #[error("unknown columns: {unknown}; known are {}; --ignore-unknown leaves the others out", known())]
    Unknown { unknown: String },
    #[error("the columns {0:?} and {1:?} mean the same; keep one of them")]
    Twice(String, String),
    #[error("no column says when a click was: one must be called at, timestamp, date or created_at")]
    NoTime,
    #[error("no column says which link was clicked: one must be called link, short_url, slug or page_id")]
    NoLink,
}

/// The columns of a file, in its order.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// Reads the names of the first line; case does not matter, and spaces and hyphens stand for `_`.
    pub(super) fn read<'n>(names: impl Iterator<Item = &'n str>, ignores_unknown: bool) -> Result<Self, Refused> {
        let (mut columns, mut unknown, mut given): (Vec<Column>, Vec<&str>, Vec<&str>) = Default::default();
        for name in names {
            let column = column(name)?;
            if column.is_none() {
                unknown.push(name);
            }
            let column = column.unwrap_or(Column::Nothing);
            if let Some(before) = columns.iter().position(|known| *known == column && column != Column::Nothing) {
                return Err(Refused::Twice(given[before].to_owned(), name.to_owned()));
            }
            columns.push(column);
            given.push(name);
        }
        if !unknown.is_empty() && !ignores_unknown {
            let unknown: Vec<_> = unknown.iter().map(|name| format!("{name:?}")).collect();
            return Err(Refused::Unknown { unknown: unknown.join(", ") });
        }
        if !columns.contains(&Column::At) {
            return Err(Refused::NoTime);
        }
        let names_target =
            |column: &Column| matches!(column, Column::Link | Column::ShortUrl | Column::Slug | Column::PageId);
        if !columns.iter().any(names_target) {
            return Err(Refused::NoLink);
        }
        Ok(Self(columns))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.0.iter().position(|known| *known == column)
    }
}

fn column(name: &str) -> Result<Option<Column>, Refused> {
    let normal = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    if ADDRESSES.contains(&normal.as_str()) {
        return Err(Refused::Address(name.to_owned()));
    }
    Ok(NAMES.iter().find(|(known, _)| *known == normal).map(|(_, column)| *column))
}

fn known() -> String {
    let useful = NAMES.iter().filter(|(_, column)| *column != Column::Nothing);
    useful.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, ignores_unknown: bool) -> Result<Columns, Refused> {
        Columns::read(line.split(','), ignores_unknown)
    }

    #[test]
    fn first_lines() {
        let columns = read("Slug, Created-At ,user agent", false).expect("columns");
        assert_eq!(columns.0, [Column::Slug, Column::At, Column::UserAgent]);
        assert_eq!((columns.place(Column::At), columns.place(Column::Os), columns.len()), (Some(1), None, 3));
        let unknown = Refused::Unknown { unknown: "\"colour\", \"\"".to_owned() };
        assert!(unknown.to_string().contains("known are at, timestamp"), "{unknown}");
        assert_eq!(read("at,slug,colour,", false).expect_err("unknown"), unknown);
        assert_eq!(read("at,slug,colour,", true).expect("columns").len(), 4);
        assert_eq!(read("at,slug,IP Address", true).expect_err("addresses"), Refused::Address("IP Address".to_owned()));
        assert_eq!(read("at,slug,date", true).expect_err("twice"), Refused::Twice("at".to_owned(), "date".to_owned()));
        assert_eq!(read("slug", true).expect_err("no time"), Refused::NoTime);
        assert_eq!(read("at,domain,block_id", true).expect_err("no link"), Refused::NoLink);
        assert_eq!(read("at,page_id,block_id,qr_token", false).expect("columns").len(), 4);
    }
}

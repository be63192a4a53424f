//! Countries, by their codes.
//!
//! What says where an address is (a database, a proxy's header) also says things that are no country: `EU`, `AP`, `XX`,
//! `T1` for Tor, `A1` for a proxy. In a chart each would be a lie, so only what ISO 3166-1 has assigned is taken, and `XK`,
//! which everybody uses for Kosovo; all else is an unknown place.

/// A country: two letters of ISO 3166-1 alpha-2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads a code, in either case. `None` for what is no country.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let &[first, second] = text else { return None };
        let code = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        let place = place(code)?;
        (ASSIGNED[place / 64] >> (place % 64) & 1 == 1).then_some(Self(code))
    }

    /// All of them, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.chunks(3).filter_map(|code| Self::parse(code.get(..2)?))
    }

    /// The code in upper case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The code's two bytes.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

const CODES: &[u8] = b"\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC \
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD \
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW \
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC \
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
    UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

/// A bit for each pair of letters: a look-up must cost nothing beside a redirect.
const ASSIGNED: [u64; 11] = {
    let mut bits = [0; 11];
    let mut at = 0;
    while at < CODES.len() {
        if let Some(place) = place([CODES[at], CODES[at + 1]]) {
            bits[place / 64] |= 1 << (place % 64);
        }
        at += 3;
    }
    bits
};

/// The number of a pair of upper-case letters.
const fn place(code: [u8; 2]) -> Option<usize> {
    let [first, second] = code;
    if first.is_ascii_uppercase() && second.is_ascii_uppercase() {
        Some((first - b'A') as usize * 26 + (second - b'A') as usize)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for (text, code) in [
            ("DE", Some("DE")),
            ("pk", Some("PK")),
            ("xK", Some("XK")),
            ("AD", Some("AD")),
            ("ZW", Some("ZW")),
            ("EU", None),
            ("AP", None),
            ("XX", None),
            ("UK", None),
            ("T1", None),
            ("A1", None),
            ("??", None),
            ("", None),
            ("D", None),
            ("DEU", None),
            ("d\u{e9}", None),
        ] {
            assert_eq!(Country::parse(text.as_bytes()).as_ref().map(Country::as_str), code, "{text}");
        }
        assert_eq!(ASSIGNED.iter().map(|bits| bits.count_ones()).sum::<u32>(), 250, "249 of ISO, and one more");
        assert_eq!(CODES.len(), 250 * 3);
        assert!(Country::all().count() == 250 && Country::all().is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_reads_back(first: u8, second: u8) {
            if let Some(country) = Country::parse(&[first, second]) {
                proptest::prop_assert_eq!(Country::parse(country.as_str().as_bytes()), Some(country));
                proptest::prop_assert_eq!(Country::parse(&country.to_bytes()), Some(country));
            }
        }
    }
}

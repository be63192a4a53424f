//! What something costs: a number in the smallest unit of its currency, so that no cent is lost to a fraction.

use crate::Refused;

/// A currency by its code (ISO 4217).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// The codes of what people pay with (ISO 4217, list one, without metals, funds and tests).
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG \
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK \
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND \
    VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";
/// Those without a smaller unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Those with a thousand smaller units.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// Reads a code.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let code =
            CODES.split_ascii_whitespace().find(|code| *code == text).and_then(|code| code.as_bytes().try_into().ok());
        code.map(Self).ok_or(Refused::because("Must be a currency of ISO 4217, such as USD or EUR"))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Decimals of an amount.
    pub fn decimals(self) -> u32 {
        let is_among = |codes: &str| codes.split_ascii_whitespace().any(|code| code == self.as_str());
        if is_among(WHOLE) {
            0
        } else if is_among(THOUSANDTHS) {
            3
        } else {
            2
        }
    }
}

/// A price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// In the currency's smallest unit: 1999 is 19.99 dollars.
    pub smallest_units: i64,
    /// The currency.
    pub currency: Currency,
}

/// Most digits before the point.
const DIGITS: usize = 9;

const AMOUNT: Refused = Refused::because("Must be an amount from 0 to 999999999, such as 19.99");

/// Reads a decimal number such as `19.99` of a currency that is not known: what is wrong with it in every currency.
pub fn check_amount(text: &str) -> Result<(), Refused> {
    parts(text).map(|_| ())
}

/// The digits of an amount before and behind the point.
fn parts(text: &str) -> Result<(&str, &str), Refused> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_amount = are_digits(whole) && are_digits(fraction) && whole.len() <= DIGITS;
    is_amount.then_some((whole, fraction)).ok_or(AMOUNT)
}

impl Price {
    /// Reads a decimal number such as `19.99`, with no more decimals than the currency has.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Refused> {
        let decimals = currency.decimals();
        let (whole, fraction) = parts(text)?;
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals as usize {
            let code = currency.as_str();
            return Err(Refused::saying(match decimals {
                0 => format!("Must be a whole number: {code} has no smaller unit"),
                decimals => format!("Must have at most {decimals} decimals: that is the smallest unit of {code}"),
            }));
        }
        let digits = format!("{whole}{fraction:0<width$}", width = decimals as usize);
        Ok(Self { smallest_units: digits.parse().map_err(|_| AMOUNT)?, currency })
    }

    /// The amount of this many smallest units.
    pub fn of(smallest_units: i64, currency: Currency) -> Result<Self, Refused> {
        let most = 10_i64.pow(currency.decimals()) * 10_i64.pow(9);
        if (0..most).contains(&smallest_units) {
            Ok(Self { smallest_units, currency })
        } else {
            Err(Refused::because("Must be an amount from 0 to 999999999"))
        }
    }

    /// The amount with all decimals that its currency has: `19.90`.
    pub fn amount(self) -> String {
        let unit = 10_i64.pow(self.currency.decimals());
        let (whole, fraction) = (self.smallest_units / unit, self.smallest_units % unit);
        match self.currency.decimals() {
            0 => whole.to_string(),
            decimals => format!("{whole}.{fraction:0width$}", width = decimals as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).expect("a currency")
    }

    #[test]
    fn currencies() {
        let codes: Vec<_> = CODES.split_ascii_whitespace().collect();
        assert!(
            codes.is_sorted()
                && codes.iter().all(|code| Currency::parse(code).is_ok_and(|read| read.as_str() == *code))
        );
        for code in WHOLE.split_ascii_whitespace().chain(THOUSANDTHS.split_ascii_whitespace()) {
            assert!(codes.contains(&code), "{code}");
        }
        for code in ["", "usd", "US", "USDX", "XXX", "XAU", "BTC", "€"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (text, code, amount) in [
            ("19.99", "USD", Some("19.99")),
            ("19.9", "USD", Some("19.90")),
            ("19", "EUR", Some("19.00")),
            ("19.0", "JPY", Some("19")),
            ("19.990", "USD", Some("19.99")),
            ("0", "USD", Some("0.00")),
            ("1.234", "KWD", Some("1.234")),
            ("999999999.99", "USD", Some("999999999.99")),
            ("19.999", "USD", None),
            ("19.5", "JPY", None),
            ("-1", "USD", None),
            ("+1", "USD", None),
            ("1e3", "USD", None),
            ("1000000000", "USD", None),
            (".5", "USD", None),
            ("1.", "USD", None),
            ("", "USD", None),
            ("1,5", "USD", None),
            ("NaN", "USD", None),
        ] {
            let price = Price::parse(text, currency(code));
            assert_eq!(price.map(Price::amount).ok().as_deref(), amount, "{text} {code}");
            // Only how many decimals there may be follows from the currency.
            let is_amount = amount.is_some() || ["19.999", "19.5"].contains(&text);
            assert_eq!(check_amount(text).is_ok(), is_amount, "{text}");
        }
    }

    #[test]
    fn units_have_bounds() {
        assert!(Price::of(0, currency("USD")).is_ok() && Price::of(-1, currency("USD")).is_err());
        assert!(
            Price::of(99_999_999_999, currency("USD")).is_ok() && Price::of(100_000_000_000, currency("USD")).is_err()
        );
    }
}

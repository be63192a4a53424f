use std::time::Duration;

use super::{
    mmdb::{Range, Value, write},
    *,
};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn names(name: &str) -> Value {
    Value::Map(vec![("names", Value::Map(vec![("de", text("Anders")), ("en", text(name))]))])
}

fn database(records: &[Value]) -> Vec<u8> {
    // Each record is true of a /24 of 192.0.0.0/16, and of a /64.
    let number = |record: usize| u128::try_from(record).expect("few");
    let v4 = (0..records.len()).map(|record| {
        let first = 0xc000_0000 + (number(record) << 8);
        Range { first, last: first + 255, record }
    });
    let v6 = (0..records.len()).map(|record| {
        let first = 0x2001_0db8 << 96 | number(record) << 64;
        Range { first, last: first + u128::from(u64::MAX), record }
    });
    let about = mmdb::About { kind: "Test".into(), description: "For a test".into(), built_at: 1_782_432_000 };
    write(&v4.chain(v6).collect::<Vec<_>>(), records, &about).expect("a file")
}

fn country(code: &str) -> Value {
    Value::Map(vec![("country", Value::Map(vec![("iso_code", text(code))]))])
}

fn shown(place: Place) -> String {
    let country = place.country.map_or_else(|| "-".to_owned(), |country| country.as_str().to_owned());
    let name = |name: Name| String::from_utf8(name.as_bytes().to_vec()).expect("a text");
    format!("{country}/{}/{}", name(place.region), name(place.city))
}

fn at(database: &Database, address: &str) -> String {
    shown(database.place(address.parse().expect("an address")))
}

#[test]
fn databases_of_every_shape() {
    let nested = vec![
        Value::Map(vec![
            ("city", names("Lahore")),
            ("country", Value::Map(vec![("geoname_id", Value::U32(7)), ("iso_code", text("PK"))])),
            ("subdivisions", Value::List(vec![names("Punjab"), names("Lahore District")])),
        ]),
        country("de"),
        country("EU"),
        Value::Map(vec![("continent", names("Asia"))]),
    ];
    let of_ipinfo = vec![Value::Map(vec![
        ("city", text("Lahore")),
        ("country", text("Pakistan")),
        ("country_code", text("PK")),
        ("region", text("Punjab")),
    ])];
    let flat = vec![Value::Map(vec![("country_code", text("PK"))])];
    for (records, tells, places) in [
        (nested, "cities", &["PK/Punjab/Lahore", "DE//", "-//", "-//"][..]),
        (of_ipinfo, "cities", &["PK/Punjab/Lahore"]),
        (flat, "countries", &["PK//"]),
    ] {
        let database = Database::of(database(&records)).expect("a database");
        let about = database.about();
        assert_eq!((about.kind.as_str(), about.day.as_str(), about.tells), ("Test", "2026-06-26", tells));
        for (number, place) in places.iter().enumerate() {
            assert_eq!(at(&database, &format!("192.0.{number}.77")), *place);
            assert_eq!(at(&database, &format!("::ffff:192.0.{number}.77")), *place);
            assert_eq!(at(&database, &format!("2001:db8:0:{number}::1")), *place);
        }
        assert_eq!(at(&database, "192.1.0.1"), "-//", "what is not in it is not guessed");
    }
}

#[test]
fn what_is_remembered_of_many_cities_is_what_was_read() {
    let city = |number: usize| {
        let name = names(&format!("City {number}"));
        Value::Map(vec![("city", name), ("country", Value::Map(vec![("iso_code", text("DE"))]))])
    };
    let records: Vec<_> = (0..3000).map(city).collect();
    let number = |record: usize| u128::try_from(record).expect("few");
    let ranges: Vec<_> = (0..records.len())
        .map(|record| Range { first: 0xc000_0000 + number(record), last: 0xc000_0000 + number(record), record })
        .collect();
    let about = mmdb::About { kind: "Many".into(), description: "For a test".into(), built_at: 0 };
    let database = Database::of(write(&ranges, &records, &about).expect("a file")).expect("a database");
    for round in 0..3 {
        for step in 0..records.len() {
            let record = step * 7 % records.len();
            let address = Ipv4Addr::from_bits(0xc000_0000 + u32::try_from(record).expect("few"));
            assert_eq!(shown(database.place(address.into())), format!("DE//City {record}"), "{round}");
        }
    }
}

#[test]
fn addresses_of_private_networks_are_nowhere() {
    let all = [Range { first: 0, last: u128::MAX, record: 0 }];
    let about = mmdb::About { kind: "All".into(), description: "For a test".into(), built_at: 0 };
    let database = Database::of(write(&all, &[country("DE")], &about).expect("a file")).expect("a database");
    for (address, is_somewhere) in [
        ("8.8.8.8", true),
        ("100.63.255.255", true),
        ("100.128.0.0", true),
        ("2a00::1", true),
        ("10.0.0.1", false),
        ("172.16.0.1", false),
        ("192.168.1.1", false),
        ("100.64.0.1", false),
        ("127.0.0.1", false),
        ("169.254.1.1", false),
        ("0.0.0.0", false),
        ("255.255.255.255", false),
        ("224.0.0.1", false),
        ("::1", false),
        ("::", false),
        ("fe80::1", false),
        ("fd00::1", false),
        ("ff02::1", false),
        ("::ffff:10.0.0.1", false),
    ] {
        assert_eq!(at(&database, address), if is_somewhere { "DE//" } else { "-//" }, "{address}");
    }
}

#[test]
fn names_are_cut_between_letters() {
    let name = |text: &str| String::from_utf8(Name::new(text).as_bytes().to_vec()).expect("a text");
    assert_eq!(name(&"x".repeat(70)), "x".repeat(63));
    assert_eq!(name(&"ü".repeat(40)), "ü".repeat(31));
    assert_eq!((name("Île-de-France"), name("")), ("Île-de-France".to_owned(), String::new()));
}

#[test]
fn a_proxys_word_goes_over_the_database() {
    let (pk, de) = (Country::parse(b"PK"), Country::parse(b"DE"));
    let lahore = Place { country: pk, region: Name::new("Punjab"), city: Name::new("Lahore") };
    assert_eq!(lahore.in_country(pk.expect("a country")), lahore);
    assert_eq!(lahore.in_country(de.expect("a country")), Place { country: de, ..Place::default() });
}

#[test]
fn what_is_no_database_is_told() {
    let whole = database(&[country("DE")]);
    let told = |bytes: &[u8]| Database::of(bytes.to_vec()).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told(b"").contains("MaxMind DB format"), "{}", told(b""));
    assert!(told(&whole[..whole.len() / 2]).contains("MaxMind DB format"));
    let asn = database(&[Value::Map(vec![("autonomous_system_number", Value::U32(7))])]);
    assert!(told(&asn).contains("no countries") && told(&asn).contains("Test"), "{}", told(&asn));
}

#[test]
fn a_file_is_read_again_when_it_is_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("places.mmdb");
    let places = Places::by(file.clone());
    let here = || shown(places.at("192.0.0.1".parse().expect("an address")));
    let put = |bytes: &[u8], second: u64| {
        fs::write(&file, bytes).expect("a file");
        let moment = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second);
        fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(moment)).expect("a time");
        places.refresh();
    };
    places.refresh();
    assert_eq!(here(), "-//", "no file, no place");
    put(&database(&[country("DE")]), 0);
    assert_eq!(here(), "DE//");
    put(&database(&[country("PK")]), 1);
    assert_eq!(here(), "PK//", "as long, and another time");
    put(b"broken", 2);
    assert_eq!(here(), "PK//", "the old one stays");
    put(&database(&[country("FR")]), 3);
    assert_eq!(here(), "FR//");
    fs::remove_file(&file).expect("it is there");
    places.refresh();
    assert_eq!(here(), "FR//", "the old one stays");
}

proptest::proptest! {
    /// A file that is damaged anywhere is refused or answers something; it never ends the process.
    #[test]
    fn damage_does_not_panic(place: proptest::sample::Index, byte: u8, last: u8) {
        let mut bytes = database(&[country("DE"), country("PK"), Value::Map(vec![("city", names("Lahore"))])]);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(database) = Database::of(bytes) {
            let _ = database.place(IpAddr::from([192, 0, last, 1]));
            let _ = database.about();
        }
    }
}

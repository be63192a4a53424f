//! Writing a database of places in the MaxMind DB format (version 2.0), the one that readers of every language know.
//!
//! The format is a binary tree over the bits of an address, then the records that its leaves name, then a record about the
//! file itself. An IPv4 address is looked up as `::a.b.c.d`.
//!
//! The tree is made from sorted ranges top down, so neighbours that say the same become one leaf by themselves, and parts
//! that look the same are written once (a reader that follows a path cannot tell): of the world's countries that leaves
//! 2.9 MB of 7.7, all of which a server holds in memory. The tree is kept children first; in the file the root must be
//! first, so the numbers are turned around when they are written.
//!
//! Rejected: a crate that writes the format. None is kept by anybody but its author, and it is two hundred lines.

use std::collections::HashMap;

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number of 16 bits.
    U16(u16),
    /// A number of 32 bits.
    U32(u32),
    /// A number of 64 bits.
    U64(u64),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(Vec<(&'static str, Value)>),
}

/// The addresses from `first` to `last`, both inclusive, and the number of the record that is true of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first address; one of IPv4 is its number alone.
    pub first: u128,
    /// The last address.
    pub last: u128,
    /// The number of the record.
    pub record: usize,
}

/// What a file says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// The kind of database, such as `Mask-Country`.
    pub kind: String,
    /// A sentence for people, in English.
    pub description: String,
    /// How old its data is, in seconds since 1970.
    pub built_at: u64,
}

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Two ranges share addresses, or are not in order.
    #[error("two ranges of addresses overlap, or are not in order")]
    Overlap,
    /// A range names a record that is not there, or more nodes are needed than the format can number.
    #[error("the ranges need more than the format has room for")]
    TooLarge,
}

const SEPARATOR_BYTES: usize = 16;
const METADATA_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
const ADDRESS_BITS: u32 = 128;

/// Writes a database. The ranges must be in order and must not overlap.
pub fn write(ranges: &[Range], records: &[Value], about: &About) -> Result<Vec<u8>, Unwritable> {
    let is_in_order = ranges.iter().all(|range| range.first <= range.last)
        && ranges.windows(2).all(|pair| matches!(pair, [one, next] if one.last < next.first));
    if !is_in_order {
        return Err(Unwritable::Overlap);
    }
    let mut data = Vec::new();
    let mut places = Vec::new();
    for record in records {
        places.push(data.len());
        encode(record, &mut data);
    }
    let tree = Tree::of(ranges);
    let count = tree.nodes.len();
    let most = count + SEPARATOR_BYTES + data.len();
    // Three bytes a child, or four where the numbers need them.
    let (record_bits, child_bytes): (u16, usize) = if most < 1 << 24 { (24, 3) } else { (32, 4) };
    let node_count = u32::try_from(count).map_err(|_| Unwritable::TooLarge)?;
    u32::try_from(most).map_err(|_| Unwritable::TooLarge)?;
    let mut file = Vec::with_capacity(count * 2 * child_bytes + SEPARATOR_BYTES + data.len() + 512);
    for node in tree.nodes.iter().rev() {
        for child in node {
            let number = match *child {
                Child::Nothing => count,
                Child::Node(place) => count - 1 - place,
                Child::Record(record) => count + SEPARATOR_BYTES + places.get(record).ok_or(Unwritable::TooLarge)?,
            };
            file.extend(&number.to_be_bytes()[size_of::<usize>() - child_bytes..]);
        }
    }
    file.extend([0; SEPARATOR_BYTES]);
    file.extend(data);
    file.extend(METADATA_MARK);
    encode(&metadata(about, node_count, record_bits), &mut file);
    Ok(file)
}

fn metadata(about: &About, node_count: u32, record_bits: u16) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(about.built_at)),
        ("database_type", Value::Text(about.kind.clone())),
        ("description", Value::Map(vec![("en", Value::Text(about.description.clone()))])),
        ("ip_version", Value::U16(6)),
        ("languages", Value::List(vec![Value::Text("en".to_owned())])),
        ("node_count", Value::U32(node_count)),
        ("record_size", Value::U16(record_bits)),
    ])
}

/// Where one bit of an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Child {
    Nothing,
    Record(usize),
    Node(usize),
}

/// The nodes, each after its descendants, and where each is.
struct Tree {
    nodes: Vec<[Child; 2]>,
    known: HashMap<[Child; 2], usize>,
}

impl Tree {
    fn of(ranges: &[Range]) -> Self {
        let mut tree = Self { nodes: Vec::new(), known: HashMap::new() };
        let root = tree.part(ranges, 0, ADDRESS_BITS);
        // All addresses alike: the format wants a node all the same.
        if !matches!(root, Child::Node(_)) {
            tree.nodes.push([root; 2]);
        }
        tree
    }

    /// The part of the tree for the `2^bits` addresses from `low` on; `ranges` are those that have a share in it.
    fn part(&mut self, ranges: &[Range], low: u128, bits: u32) -> Child {
        let Some(first) = ranges.first() else { return Child::Nothing };
        let high = low | u128::MAX.checked_shr(ADDRESS_BITS - bits).unwrap_or(0);
        if first.first <= low && high <= first.last {
            return Child::Record(first.record);
        }
        let middle = low | 1 << (bits - 1);
        let left = ranges.partition_point(|range| range.first < middle);
        let right = ranges.partition_point(|range| range.last < middle);
        let children = [self.part(&ranges[..left], low, bits - 1), self.part(&ranges[right..], middle, bits - 1)];
        match children {
            [one, other] if one == other && !matches!(one, Child::Node(_)) => one,
            _ => Child::Node(*self.known.entry(children).or_insert_with(|| {
                self.nodes.push(children);
                self.nodes.len() - 1
            })),
        }
    }
}

fn encode(value: &Value, to: &mut Vec<u8>) {
    const TEXT: u8 = 2;
    const U16: u8 = 5;
    const U32: u8 = 6;
    const MAP: u8 = 7;
    const U64: u8 = 9;
    const LIST: u8 = 11;
    match value {
        Value::Text(text) => {
            control(TEXT, text.len(), to);
            to.extend(text.as_bytes());
        }
        Value::U16(number) => encode_number(U16, &number.to_be_bytes(), to),
        Value::U32(number) => encode_number(U32, &number.to_be_bytes(), to),
        Value::U64(number) => encode_number(U64, &number.to_be_bytes(), to),
        Value::List(values) => {
            control(LIST, values.len(), to);
            for value in values {
                encode(value, to);
            }
        }
        Value::Map(pairs) => {
            control(MAP, pairs.len(), to);
            for (name, value) in pairs {
                control(TEXT, name.len(), to);
                to.extend(name.as_bytes());
                encode(value, to);
            }
        }
    }
}

/// A number without the zeros before it.
fn encode_number(kind: u8, big_endian: &[u8], to: &mut Vec<u8>) {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    control(kind, big_endian.len() - zeros, to);
    to.extend(&big_endian[zeros..]);
}

/// What a value begins with: its kind, and its size. Kinds above 7 take a second byte; sizes from 29 on, one to three more.
fn control(kind: u8, size: usize, to: &mut Vec<u8>) {
    let (short, more, more_bytes) = match size {
        0..29 => (size, 0, 0),
        29..285 => (29, size - 29, 1),
        285..65_821 => (30, size - 285, 2),
        _ => (31, (size - 65_821).min(0xff_ffff), 3),
    };
    let short = u8::try_from(short).unwrap_or(31);
    match kind.checked_sub(7) {
        Some(extended @ 1..) => to.extend([short, extended]),
        _ => to.push(kind << 5 | short),
    }
    to.extend(&more.to_be_bytes()[size_of::<usize>() - more_bytes..]);
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use maxminddb::{PathElement, Reader};

    use super::*;

    fn about() -> About {
        About { kind: "Test".into(), description: "For a test".into(), built_at: 1_774_360_800 }
    }

    fn record(number: usize) -> Value {
        Value::Map(vec![("name", Value::Text(format!("record {number}")))])
    }

    fn found(reader: &Reader<Vec<u8>>, address: u128) -> Option<String> {
        let address = match u32::try_from(address) {
            Ok(address) => IpAddr::V4(Ipv4Addr::from_bits(address)),
            Err(_) => IpAddr::V6(Ipv6Addr::from_bits(address)),
        };
        reader.lookup(address).expect("a look").decode_path(&[PathElement::Key("name")]).expect("a text or nothing")
    }

    #[test]
    fn values_of_every_size_are_read_back() {
        for length in [0, 1, 28, 29, 30, 284, 285, 286, 65_820, 65_821, 70_000] {
            let text = "x".repeat(length);
            let ranges = [Range { first: 1 << 100, last: u128::MAX, record: 1 }];
            let values = [record(0), Value::Map(vec![("name", Value::Text(text.clone()))])];
            let reader = Reader::from_source(write(&ranges, &values, &about()).expect("a file")).expect("a database");
            reader.verify().expect("a file without a fault");
            assert_eq!(found(&reader, u128::MAX), Some(text));
            assert_eq!(found(&reader, 7), None);
        }
    }

    #[test]
    fn what_overlaps_is_refused() {
        let range = |first, last| Range { first, last, record: 0 };
        for ranges in [&[range(0, 5), range(5, 9)][..], &[range(6, 9), range(0, 5)], &[range(3, 2)]] {
            assert_eq!(write(ranges, &[record(0)], &about()), Err(Unwritable::Overlap));
        }
        assert_eq!(write(&[Range { first: 0, last: 1, record: 9 }], &[record(0)], &about()), Err(Unwritable::TooLarge));
    }

    #[test]
    fn the_whole_and_nothing() {
        for (ranges, expected) in
            [(vec![], None), (vec![Range { first: 0, last: u128::MAX, record: 0 }], Some("record 0".to_owned()))]
        {
            let file = write(&ranges, &[record(0)], &about()).expect("a file");
            let reader = Reader::from_source(file).expect("a database");
            for address in [0, 1, 1 << 127, u128::MAX] {
                assert_eq!(found(&reader, address), expected);
            }
        }
    }

    proptest::proptest! {
        /// Another reader finds in the file what a look through the ranges finds.
        #[test]
        fn every_address_is_found_where_its_range_says(
            edges in proptest::collection::btree_set(
                proptest::prop_oneof![0..300_u128, 0..1_u128 << 32, proptest::num::u128::ANY], 2..40),
            gaps in proptest::collection::vec(0..4_usize, 40),
        ) {
            let edges: Vec<_> = edges.into_iter().collect();
            let ranges: Vec<_> = edges.windows(2).zip(&gaps).filter(|(_, gap)| **gap > 0)
                .map(|(edge, record)| Range { first: edge[0], last: edge[1] - 1, record: record - 1 }).collect();
            let file = write(&ranges, &[record(0), record(1), record(2)], &about()).expect("a file");
            let reader = Reader::from_source(file).expect("a database");
            for address in edges.iter().flat_map(|edge| [edge.saturating_sub(1), *edge, edge.saturating_add(1)]) {
                let range = ranges.iter().find(|range| range.first <= address && address <= range.last);
                let expected = range.map(|range| format!("record {}", range.record));
                proptest::prop_assert_eq!(found(&reader, address), expected, "{:x}", address);
            }
        }
    }
}

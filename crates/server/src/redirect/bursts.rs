//! One network that opens many links of an owner within seconds: mail scanners and link checkers with a browser's name.
//!
//! **The figures.** From the tenth link on that was opened within five seconds, the visit is one of many. That is two links
//! a second, kept up over ten different ones: more than a person does who opens everything of a newsletter in tabs, and
//! less than a scanner does, which takes all of a mail in a second or two. The same link counts once: a hall that opens the
//! link on the screen, or a company that opens the one in its mail, is no burst. What was opened before it was known
//! counts as it did; a redirect cannot wait to see what comes after it.
//!
//! **Who is one.** An address (of version 6: the network of 2^64 that a home or a machine has), with one user agent. Some
//! scanners take turns among addresses of a network, and such are not found, as whole networks would be crowds: behind a
//! carrier's addresses are thousands of phones, and a wrong verdict loses a real person's click. For that reason visits
//! that are sent by a page (`Referer`) are left out too: that is where crowds come from, and people who open a list of
//! links at once; so are a browser's prefetches and HEAD requests, which come in swarms before a click that is real. And
//! whatever may not be the visitor's address says nothing: private networks, and proxies that are not trusted.
//!
//! **How.** The verdict is made here and written into the click's record, so that it is the same for all who read it,
//! however often. A table of fixed size holds of each visit a few bits of who, which link and when; who is looked up is
//! one row of two cache lines, read and written without a lock. A visit takes the place of the oldest in its row. So a
//! flood of visits, or a race of two threads, makes bursts be missed and never be seen where there are none: for that, ten
//! strangers would have to agree in all the bits of who within seconds. One table for all threads, as a scanner's
//! connections come to all of them. Nothing of it is ever written down, and addresses are in it as hashes alone.
//!
//! Rejected: telling it in the drain, where it would depend on how batches are cut and where the counters, the records and
//! the limits would each have to come to the same verdict; a map with a lock.

use std::{
    hash::{BuildHasher, Hasher},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use mask_core::{id::LinkId, time::Time, workspace::Owner};

use crate::clicks::visitor::octets;

/// So many links make a burst.
const MANY: u32 = 10;
const WINDOW_MS: u64 = 5_000;

const ROWS: usize = 1 << 11;
/// A few more than a burst needs, so that strangers in the same row do not push it out.
const VISITS_A_ROW: usize = 16;

/// Time is kept in steps of this power of two, in the low bits of a visit; they come round after twelve days.
const STEP_BITS: u32 = 6;
const TIME_BITS: u32 = 24;
const TIME: u64 = (1 << TIME_BITS) - 1;
const WINDOW: u64 = WINDOW_MS >> STEP_BITS;
/// Above it stand the bits of the link, and above those the bits of who.
const LINK_BITS: u32 = 20;
const WHO_BITS: u32 = 20;

/// See the module.
pub(super) struct Bursts {
    hasher: foldhash::fast::RandomState,
    rows: Box<[Row]>,
}

/// Visits, each in one number, on cache lines of their own.
#[repr(align(64))]
struct Row([AtomicU64; VISITS_A_ROW]);

/// Who opens links, and whose.
#[derive(Clone, Copy)]
pub(super) struct Who<'w> {
    pub(super) address: IpAddr,
    pub(super) user_agent: &'w [u8],
    pub(super) owner: Owner,
}

impl Bursts {
    pub(super) fn new() -> Self {
        let row = || Row(std::array::from_fn(|_| AtomicU64::new(0)));
        Self { hasher: foldhash::fast::RandomState::default(), rows: (0..ROWS).map(|_| row()).collect() }
    }

    /// Notes that somebody opens a link; whether it is one of many.
    pub(super) fn opens_many(&self, who: Who<'_>, link: LinkId, now: Time) -> bool {
        let hash = self.hash(who);
        let Some(row) = usize::try_from(hash % ROWS as u64).ok().and_then(|row| self.rows.get(row)) else {
            return false;
        };
        row.note(hash >> (64 - WHO_BITS), bits_of(link), now.unix_millis().cast_unsigned() >> STEP_BITS & TIME)
    }

    fn hash(&self, who: Who<'_>) -> u64 {
        let mut bytes = octets(who.address);
        if who.address.is_ipv6() {
            bytes[8..].fill(0);
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u128(u128::from_le_bytes(bytes));
        hasher.write_i64(who.owner.number());
        hasher.write(who.user_agent);
        hasher.finish()
    }
}

impl Row {
    fn note(&self, who: u64, link: u64, now: u64) -> bool {
        let visit = who << (LINK_BITS + TIME_BITS) | link << TIME_BITS | now;
        let (mut others, mut place, mut oldest) = (0, &self.0[0], 0);
        for slot in &self.0 {
            let found = slot.load(Ordering::Relaxed);
            let age = age(found & TIME, now);
            let differs = found ^ visit;
            if differs >> TIME_BITS == 0 {
                // The same link again: it is moved on.
                (place, oldest) = (slot, u64::MAX);
            } else if age >= oldest {
                (place, oldest) = (slot, age);
            }
            let is_other = differs >> (LINK_BITS + TIME_BITS) == 0 && differs >> TIME_BITS != 0 && age <= WINDOW;
            others += u32::from(is_other);
        }
        place.store(visit, Ordering::Relaxed);
        others + 1 >= MANY
    }
}

/// How many steps ago that was. What is a little ahead was written by a thread whose clock was read later; what is far
/// ahead was written before the clock was set back, and is as old as can be.
fn age(then: u64, now: u64) -> u64 {
    let age = now.wrapping_sub(then) & TIME;
    if age > TIME - WINDOW { 0 } else { age }
}

/// A link in a few bits: those of chance, spread by a multiplication.
fn bits_of(link: LinkId) -> u64 {
    let bits = link.bits();
    let folded = u64::try_from((bits ^ bits >> 64) & u128::from(u64::MAX)).unwrap_or_default();
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - LINK_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner { workspace: 1, is_test: false };
    const NONE: [u32; 0] = [];
    const CHROME: &[u8] = b"Mozilla/5.0 Chrome/140.0.0.0";

    fn who(address: &str) -> Who<'static> {
        Who { address: address.parse().expect("an address"), user_agent: CHROME, owner: OWNER }
    }

    const fn at(millis: i64) -> Time {
        Time::from_unix_millis(1_774_360_800_000 + millis)
    }

    fn link(number: u32) -> LinkId {
        LinkId::from_bits(0x0198_0000_0000 << 80 | u128::from(number))
    }

    /// Which of so many different links, each opened so long after the one before, are told as one of many.
    fn told(bursts: &Bursts, who: Who<'_>, begin: i64, each_ms: i64, links: u32) -> Vec<u32> {
        let open = |number: &u32| bursts.opens_many(who, link(*number), at(begin + each_ms * i64::from(*number)));
        (0..links).filter(open).collect()
    }

    #[test]
    fn the_tenth_link_within_seconds_and_those_after_it() {
        for (address, each_ms) in [("203.0.113.1", 0), ("203.0.113.2", 100), ("203.0.113.3", 500), ("2001:db8::1", 20)]
        {
            assert_eq!(told(&Bursts::new(), who(address), 0, each_ms, 14), [9, 10, 11, 12, 13], "{each_ms}");
        }
        // A person with a quick hand.
        assert_eq!(told(&Bursts::new(), who("203.0.113.1"), 0, 600, 1000), NONE);
        // More links than a row holds.
        assert_eq!(told(&Bursts::new(), who("203.0.113.1"), 0, 10, 1000).len(), 991);
    }

    #[test]
    fn it_is_over_when_it_is_over() {
        let bursts = Bursts::new();
        assert_eq!(told(&bursts, who("203.0.113.1"), 0, 0, 12), [9, 10, 11]);
        assert!(bursts.opens_many(who("203.0.113.1"), link(3), at(4_000)), "one of them again, of many still");
        assert!(!bursts.opens_many(who("203.0.113.1"), link(4), at(9_100)), "five seconds later, and alone");
        assert_eq!(told(&bursts, who("203.0.113.1"), 30_000, 0, 12), [9, 10, 11]);
    }

    #[test]
    fn crowds_are_no_burst() {
        let bursts = Bursts::new();
        for time in 0..5_000 {
            assert!(!bursts.opens_many(who("203.0.113.1"), link(7), at(time)), "one link, however often");
            let some = link(u32::try_from(time).expect("small") % 9);
            assert!(!bursts.opens_many(who("203.0.113.1"), some, at(time)), "nine links, over and over");
        }
        for number in 0..100_000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0xcb00_7100 + number));
            let stranger = Who { address, ..who("203.0.113.1") };
            assert!(!bursts.opens_many(stranger, link(number), at(6_000)), "everybody another link");
        }
    }

    #[test]
    fn who_is_an_address_with_a_browser_and_an_owner() {
        let bursts = Bursts::new();
        let base = who("203.0.113.1");
        let other_owner = Who { owner: Owner { workspace: 2, is_test: false }, ..base };
        for (place, other) in
            [Who { user_agent: b"other", ..base }, other_owner, who("203.0.113.2")].into_iter().enumerate()
        {
            let begin = 60_000 * i64::try_from(place).expect("small");
            assert_eq!(told(&bursts, base, begin, 0, 9), NONE);
            assert!(!bursts.opens_many(other, link(50), at(begin)));
            assert!(bursts.opens_many(base, link(50), at(begin)));
        }
        // A network of version 6 is one, its neighbour another.
        assert_eq!(told(&bursts, who("2001:db8::1"), 0, 0, 9), NONE);
        assert!(!bursts.opens_many(who("2001:db8:0:1::1"), link(50), at(0)));
        assert!(bursts.opens_many(who("2001:db8::ffff:2"), link(50), at(0)));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_burst() {
        let bursts = Bursts::new();
        assert_eq!(told(&bursts, who("203.0.113.1"), 0, 0, 9), NONE);
        assert!(!bursts.opens_many(who("203.0.113.1"), link(50), at(-60_000)));
        // Threads read the clock a little apart.
        assert_eq!(told(&bursts, who("203.0.113.9"), 0, 0, 9), NONE);
        assert!(bursts.opens_many(who("203.0.113.9"), link(50), at(-1)));
    }

    #[test]
    fn threads_see_one_burst() {
        let bursts = Bursts::new();
        let threads = 0..4_u32;
        let told: usize = std::thread::scope(|scope| {
            let open = |thread: u32| {
                let bursts = &bursts;
                move || {
                    (0..250).filter(|n| bursts.opens_many(who("203.0.113.1"), link(thread * 250 + n), at(0))).count()
                }
            };
            let running: Vec<_> = threads.map(|thread| scope.spawn(open(thread))).collect();
            running.into_iter().map(|thread| thread.join().expect("a count")).sum()
        });
        assert!((900..=991).contains(&told), "{told} of 1000");
    }
}

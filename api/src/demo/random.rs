//! Numbers without a pattern that are the same for the same seed. For made-up data only: no secret may come from here.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// SplitMix64: a small generator whose every seed is good.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of many, so that each is the same whatever came before.
    pub(super) fn of(seed: u64, index: u64) -> Self {
        let mut dice = Self(seed ^ index.wrapping_mul(0xD134_2543_DE82_EF95));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included; `low` where they are the wrong way round.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let sides = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        low + (self.next() % sides).cast_signed()
    }

    /// Yes in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: i64) -> bool {
        self.between(0, 99) < percent
    }

    /// One of some words.
    pub(super) fn word<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let last = i64::try_from(words.len()).unwrap_or(1) - 1;
        let at = usize::try_from(self.between(0, last)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    }

    /// An id of the shape of UUIDv7: the instant, then dice.
    pub(super) fn id(&mut self, at: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        let mut random = [0; 10];
        for (byte, thrown) in
            random.iter_mut().zip(self.next().to_le_bytes().into_iter().chain(self.next().to_le_bytes()))
        {
            *byte = thrown;
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 1234567, as the author of the generator gives them.
    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut dice = Dice::new(1_234_567);
        let first = [dice.next(), dice.next(), dice.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_same_seed_throws_the_same_and_stays_between_its_edges() {
        let (mut one, mut two) = (Dice::of(7, 3), Dice::of(7, 3));
        for _ in 0..1000 {
            let thrown = one.between(-2, 5);
            assert!((-2..=5).contains(&thrown));
            assert_eq!(thrown, two.between(-2, 5));
        }
        assert_ne!(Dice::of(7, 3).next(), Dice::of(7, 4).next());
        assert_eq!(one.between(4, 1), 4);
        assert_eq!(one.word(&[]), "");
    }

    #[test]
    fn ids_sort_by_their_instant() {
        let mut dice = Dice::new(1);
        let at: DateTime<Utc> = "2026-11-22T04:00:00Z".parse().unwrap();
        let (early, late) = (dice.id(at), dice.id(at + chrono::TimeDelta::seconds(1)));
        assert!(early < late);
        assert_eq!((early.get_version_num(), early.get_variant()), (7, uuid::Variant::RFC4122));
    }
}

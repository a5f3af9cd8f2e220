//! A set of fingerprints that may say "perhaps" and never wrongly says "no": twelve bits an entry, one line of cache a
//! question.
use crate::router::canonical::Fingerprint;

/// Bits an entry; with six of them set, one question in 200 is answered "perhaps" for nothing.
const BITS_PER_ENTRY: usize = 12;
const HASHES: usize = 6;
/// Bytes of a block: a line of the processor's cache.
const BLOCK_BYTES: usize = 64;

/// The set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    bytes: Vec<u8>,
}

impl Filter {
    /// For this many entries.
    pub fn new(entries: usize) -> Filter {
        Filter { bytes: vec![0; (entries * BITS_PER_ENTRY).div_ceil(BLOCK_BYTES * 8).max(1) * BLOCK_BYTES] }
    }

    /// As it was stored; nothing when the bytes are none of a filter.
    pub fn stored(bytes: Vec<u8>) -> Option<Filter> {
        (!bytes.is_empty() && bytes.len().is_multiple_of(BLOCK_BYTES)).then_some(Filter { bytes })
    }

    /// To store it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds an entry.
    pub fn add(&mut self, print: &Fingerprint) {
        let (start, bits) = self.place(print);
        for bit in bits {
            self.bytes[start + bit / 8] |= 1 << (bit % 8);
        }
    }

    /// False: it was never added.
    pub fn perhaps(&self, print: &Fingerprint) -> bool {
        let (start, bits) = self.place(print);
        bits.into_iter().all(|bit| self.bytes[start + bit / 8] & (1 << (bit % 8)) != 0)
    }

    /// A fingerprint's bits are as good as random: eight bytes choose the block, the others the bits. The first four,
    /// by which pages are chosen, have no part in it.
    fn place(&self, print: &Fingerprint) -> (usize, [usize; HASHES]) {
        let word = |at: usize| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|n| print[at + n]));
        let blocks = (self.bytes.len() / BLOCK_BYTES) as u64;
        let block = ((u128::from(word(4)) * u128::from(blocks)) >> 64) as usize;
        let mut rest = word(8).rotate_left(32) >> 10;
        let bits = [(); HASHES].map(|()| {
            let bit = (rest & 511) as usize;
            rest >>= 9;
            bit
        });
        (block * BLOCK_BYTES, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::canonical::of_key;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = Filter::new(10_000);
        for n in 0..10_000 {
            filter.add(&of_key(&format!("in/{n}")));
        }
        assert!((0..10_000).all(|n| filter.perhaps(&of_key(&format!("in/{n}")))));
        let wrong = (0..10_000).filter(|n| filter.perhaps(&of_key(&format!("out/{n}")))).count();
        assert!(wrong < 150, "{wrong} of 10,000 for nothing");
        assert_eq!(Filter::stored(filter.bytes().to_vec()), Some(filter));
        assert_eq!(Filter::stored(vec![1; 65]), None);
    }
}

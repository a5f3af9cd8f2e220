//! Ids of events that the router makes: UUIDv7 in which the place in the log stands, so that an event is found by its
//! id without an index. Time first, so that they sort; then what tells this process from others; then the place.
use super::delivery::Seq;
use super::store::publish::IdBytes;
use crate::platform::clock::random;

/// Where the id's text begins in a stored envelope: `"id":"`.
const TEXT_AT: usize = 6;
/// What stands there before the id is known.
pub const BLANK: &str = "00000000-0000-7000-8000-000000000000";
/// Bits of the place in an id; the log ends before they do.
const PLACE_BITS: u32 = 40;

/// Makes ids.
#[derive(Debug)]
pub struct Ids {
    salt: u64,
}

impl Ids {
    /// Of a process; no two make the same.
    pub fn new() -> Ids {
        Ids { salt: random() as u64 }
    }

    /// The id of the event at a place.
    pub fn at(&self, seq: Seq, now_us: i64) -> IdBytes {
        let milliseconds = (now_us / 1000).max(0).cast_unsigned();
        let high = milliseconds << 16 | 0x7000 | (self.salt & 0xfff);
        let low = 0b10 << 62 | (self.salt >> 12 & 0x3f_ffff) << PLACE_BITS | (seq & ((1 << PLACE_BITS) - 1));
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }
}

/// The place that an id names, if it is one of ours; whoever asks must look whether the event there has this id.
pub fn place(id: &IdBytes) -> Seq {
    u64::from_be_bytes([0, 0, 0, id[11], id[12], id[13], id[14], id[15]])
}

/// Writes an id's text, hyphenated and in lower case.
pub fn text(id: &IdBytes) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (n, byte) in id.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// Fills an id into the envelope that was prepared with `BLANK`.
pub fn write(id: &IdBytes, body: &mut [u8]) {
    if let Some(blank) = body.get_mut(TEXT_AT..TEXT_AT + 36) {
        blank.copy_from_slice(&text(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ids::EventId;

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_names_its_place() {
        let ids = Ids::new();
        let id = ids.at(123_456_789_012, 1_790_000_000_000_000);
        assert_eq!(place(&id), 123_456_789_012);
        let text = String::from_utf8(text(&id).to_vec()).expect("text");
        let parsed = EventId::new(text.clone()).expect("a UUID");
        assert_eq!(parsed.to_bytes(), id);
        assert_eq!((&text[14..15], &text[19..20] >= "8" && &text[19..20] <= "b"), ("7", true), "{text}");
        assert!(ids.at(1, 1_790_000_000_001_000) > ids.at(2, 1_790_000_000_000_000), "time first");
        assert!(ids.at(2, 1_790_000_000_000_000) > ids.at(1, 1_790_000_000_000_000));
        assert_ne!(Ids::new().at(1, 0), Ids::new().at(1, 0));
    }

    #[test]
    fn the_blank_is_filled() {
        let mut body = format!("\"id\":\"{BLANK}\",\"x\":1").into_bytes();
        let id = Ids::new().at(7, 1);
        write(&id, &mut body);
        assert_eq!(String::from_utf8(body).expect("text"), format!("\"id\":\"{}\",\"x\":1", EventId::from_bytes(id)));
    }
}

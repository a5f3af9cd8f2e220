//! The cleaner: nothing harmful passes, harmless text passes unchanged, and every length is bounded.
use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn what_a_terminal_or_the_bus_would_act_on_is_replaced() {
    assert_eq!(
        Line::new("a\0b\u{1b}[31mc\u{7}\u{7f}\u{9b}d").as_str(),
        "a\u{FFFD}b\u{FFFD}[31mc\u{FFFD}\u{FFFD}\u{FFFD}d"
    );
    assert_eq!(Line::new("one\r\ntwo\rthree\tfour").as_str(), "one two three four");
    assert_eq!(Block::new("one\r\ntwo\tthree\n").as_str(), "one\ntwo\tthree\n");
    for bad in [
        '\u{202E}',
        '\u{2066}',
        '\u{200F}',
        '\u{2028}',
        '\u{FDD0}',
        '\u{FDEF}',
        '\u{FFFE}',
        '\u{FFFF}',
        '\u{1FFFE}',
        '\u{10FFFF}',
        '\u{FEFF}',
    ] {
        assert_eq!(Line::new(bad.to_string()).as_str(), "\u{FFFD}", "{bad:?}");
    }
    for good in ["training 3 of 10", "größer, 模型, 🎲", "a\u{FFFD}b"] {
        assert_eq!(Line::new(good).as_str(), good);
    }
    assert_eq!(Line::new([b'a', 0xff, b'b', 0xed, 0xa0, 0x80]).as_str(), "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}");
}

#[test]
fn a_cut_is_marked_and_splits_no_character() {
    let long = Line::new("ä".repeat(MAX_LINE));
    assert!(long.len() <= MAX_LINE && long.ends_with("ä…"), "{long}");
    let end = Block::last(format!("{}the end", "ü".repeat(MAX_BLOCK)));
    assert!(end.len() <= MAX_BLOCK && end.starts_with("…ü") && end.ends_with("the end"));
    assert_eq!(Block::last("short").as_str(), "short");
}

#[test]
fn reading_json_cleans() {
    let line: Line = serde_json::from_str(r#""a\u0000\u001b""#).expect("a string");
    assert_eq!(serde_json::to_string(&line).expect("JSON"), "\"a\u{FFFD}\u{FFFD}\"");
    let dirty = json!({"a\u{1b}": ["x\u{0}\ny", 1.5, null], "fine": {"b": "c"}});
    assert_eq!(clean_json(dirty), json!({"a\u{FFFD}": ["x\u{FFFD}\ny", 1.5, null], "fine": {"b": "c"}}));
}

proptest! {
    #[test]
    fn every_text_becomes_harmless_and_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let line = Line::new(&bytes);
        prop_assert!(line.len() <= MAX_LINE && line.chars().all(is_harmless));
        for block in [Block::new(&bytes), Block::last(bytes.repeat(5))] {
            prop_assert!(block.len() <= MAX_BLOCK && block.chars().all(|c| is_harmless(c) || c == '\n' || c == '\t'));
        }
    }

    #[test]
    fn cleaning_again_changes_nothing(text in any::<String>()) {
        let line = Line::new(&text);
        prop_assert_eq!(&Line::new(line.as_str()), &line);
        let block = Block::new(&text);
        prop_assert_eq!(&Block::new(block.as_str()), &block);
    }

    #[test]
    fn harmless_text_is_kept(text in "[ -~äöü€😀]{0,200}") {
        let line = Line::new(&text);
        prop_assert_eq!(line.as_str(), text.as_str());
        prop_assert_eq!(clean_json(Value::String(text.clone())), Value::String(text));
    }
}

#[test]
fn a_reason_is_one_line() {
    let because: crate::contract::coordinator::Because =
        serde_json::from_str(r#"{"reason": "a\nState: fine\tx"}"#).expect("read");
    assert_eq!(because.reason, "a State: fine x");
}

#[test]
fn one_is_singular_and_each_noun_has_its_plural() {
    let table = [
        ("job", "1 job", "2 jobs"),
        ("match", "1 match", "2 matches"),
        ("job directory", "1 job directory", "2 job directories"),
    ];
    for (noun, one, two) in table {
        assert_eq!((count(1, noun), count(2, noun)), (one.to_owned(), two.to_owned()));
    }
    assert_eq!((count(0, "new day"), count(3, "loss")), ("0 new days".into(), "3 losses".into()));
}

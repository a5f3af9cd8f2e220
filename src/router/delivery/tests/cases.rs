//! Single cases of the delivery, by hand.
use super::*;

fn delivered(sut: &mut Delivery, seq: Seq, key: Option<&Key>) -> Offer {
    sut.offer(seq, true, key)
}

#[test]
fn a_poisoned_event_does_not_hold_up_the_others() {
    let mut sut = Delivery::new(0);
    for seq in 1..=3 {
        assert_eq!(delivered(&mut sut, seq, None), Offer::Deliver);
    }
    for now in [0, 60, 300] {
        assert_eq!(sut.ready(now, 9), if now == 0 { vec![] } else { vec![1] });
        sut.hand_out(1);
        sut.nack(1, "poison", None, false, &RULES, now);
    }
    sut.ack(2);
    sut.ack(3);
    assert_eq!((sut.mark(), sut.in_flight(), sut.retrying()), (3, 0, 0));
    let change = sut.take_change();
    let letter = &change.letters[0];
    assert_eq!((letter.seq, letter.tries.attempts, letter.tries.history.len()), (1, 3, 3));
}

#[test]
fn delays_double_up_to_the_longest() {
    let rules = Rules { max_attempts: 99, base_us: 60, max_us: 3600, max_crashes: 5 };
    let delays: Vec<Micros> = (1..9).map(|n| rules.backoff(n)).collect();
    assert_eq!(delays, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(rules.backoff(200), 3600);
}

#[test]
fn events_of_one_key_go_one_after_the_other_and_those_of_others_go_on() {
    let (a, b): (Key, Key) = ("a".into(), "b".into());
    let mut sut = Delivery::new(0);
    assert_eq!(delivered(&mut sut, 1, Some(&a)), Offer::Deliver);
    assert_eq!(delivered(&mut sut, 2, Some(&a)), Offer::Held);
    assert_eq!(delivered(&mut sut, 3, Some(&b)), Offer::Deliver);
    assert!(sut.ready(0, 9).is_empty());
    sut.ack(1);
    assert_eq!(sut.ready(0, 9), [2]);
    assert_eq!(sut.hand_out(2), 1);
}

#[test]
fn who_leaves_in_order_accuses_nobody() {
    let mut sut = Delivery::new(0);
    for _ in 0..20 {
        if sut.cursor() == 0 {
            delivered(&mut sut, 1, None);
        } else {
            sut.hand_out(1);
        }
        assert_eq!(sut.disconnect(false, &RULES, 0), None);
    }
    assert_eq!(sut.ready(0, 9), [1]);
    assert_eq!(sut.hand_out(1), 1);
}

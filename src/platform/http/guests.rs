//! Who is connected over HTTP, and who gives way where there is no room. Pure: time and what ends a connection are
//! arguments.
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// How many connections there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of all peers together.
    pub all: usize,
    /// Of one peer.
    pub each: usize,
}

/// One connection.
pub type Id = u64;

/// What becomes of a newcomer; `H` ends a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<H> {
    /// There is room.
    Seated(Id),
    /// There is room because an idle connection gives way, which is to be ended.
    InPlaceOf(Id, H),
    /// There is none, and nobody who may be asked to go.
    Full,
}

#[derive(Debug)]
struct Guest<H> {
    peer: IpAddr,
    /// Since when nothing was asked; none while a request is answered.
    idle_since: Option<Instant>,
    end: H,
}

/// All connections of a server.
#[derive(Debug)]
pub struct Guests<H> {
    room: Room,
    next: Id,
    seated: HashMap<Id, Guest<H>>,
}

/// Whose connection it is: the address; of IPv6 the network of 64 bits, because whoever has one address there has them
/// all.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        other => other,
    }
}

impl<H> Guests<H> {
    /// Nobody yet.
    pub fn new(room: Room) -> Guests<H> {
        Guests { room, next: 0, seated: HashMap::new() }
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.seated.len()
    }

    /// Somebody connects. Over his own number, his connection that is idle for longest gives way; over the number of
    /// all, that of the fullest peer that has an idle one, but never one of a peer that has fewer than the newcomer.
    pub fn arrive(&mut self, address: IpAddr, end: H, now: Instant) -> Admission<H> {
        let peer = peer(address);
        let own = self.of(peer);
        let gone = if own >= self.room.each {
            self.idle(|guest, _| guest.peer == peer)
        } else if self.seated.len() >= self.room.all {
            self.idle(|_, has| has >= own)
        } else {
            return Admission::Seated(self.seat(peer, end, now));
        };
        match gone.and_then(|id| self.seated.remove(&id)) {
            Some(guest) => Admission::InPlaceOf(self.seat(peer, end, now), guest.end),
            None => Admission::Full,
        }
    }

    /// Somebody has to go for another reason than a newcomer: what ends the connection that gives way first, if one is
    /// idle.
    pub fn give_way(&mut self) -> Option<H> {
        let id = self.idle(|_, _| true)?;
        self.seated.remove(&id).map(|guest| guest.end)
    }

    /// A request of this connection is being answered.
    pub fn busy(&mut self, id: Id) {
        if let Some(guest) = self.seated.get_mut(&id) {
            guest.idle_since = None;
        }
    }

    /// The answer is on its way.
    pub fn answered(&mut self, id: Id, now: Instant) {
        if let Some(guest) = self.seated.get_mut(&id) {
            guest.idle_since = Some(now);
        }
    }

    /// The connection has ended.
    pub fn leave(&mut self, id: Id) {
        self.seated.remove(&id);
    }

    fn seat(&mut self, peer: IpAddr, end: H, now: Instant) -> Id {
        self.next += 1;
        self.seated.insert(self.next, Guest { peer, idle_since: Some(now), end });
        self.next
    }

    fn of(&self, peer: IpAddr) -> usize {
        self.seated.values().filter(|guest| guest.peer == peer).count()
    }

    /// The connection that is idle for longest, of the fullest peer that has one, among those that may be asked: by the
    /// connection and the number of its peer.
    fn idle(&self, may: impl Fn(&Guest<H>, usize) -> bool) -> Option<Id> {
        let mut each: HashMap<IpAddr, usize> = HashMap::new();
        for guest in self.seated.values() {
            *each.entry(guest.peer).or_default() += 1;
        }
        let asked = self.seated.iter().filter(|(_, guest)| may(guest, each[&guest.peer]));
        let idle = asked.filter_map(|(id, guest)| Some((id, guest, guest.idle_since?)));
        idle.min_by_key(|(id, guest, since)| (Reverse(each[&guest.peer]), *since, **id)).map(|(id, ..)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ROOM: Room = Room { all: 6, each: 3 };

    fn at(n: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, n])
    }

    /// A house and a clock that moves by a second at each arrival; a connection is ended by its name.
    struct House(Guests<&'static str>, Instant);

    impl House {
        fn new() -> House {
            House(Guests::new(ROOM), Instant::now())
        }
        fn arrive(&mut self, n: u8, name: &'static str) -> Admission<&'static str> {
            self.1 += Duration::from_secs(1);
            self.0.arrive(at(n), name, self.1)
        }
        fn seated(&mut self, n: u8, name: &'static str) -> Id {
            match self.arrive(n, name) {
                Admission::Seated(id) => id,
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn over_his_number_a_peer_displaces_himself_alone() {
        let mut house = House::new();
        house.seated(2, "other");
        let first = house.seated(1, "first");
        house.seated(1, "second");
        house.seated(1, "third");
        assert_eq!(house.arrive(1, "fourth"), Admission::InPlaceOf(5, "first"));
        house.0.leave(first);
        assert_eq!(house.0.count(), 4, "who has given way is gone already");
        for id in 3..=5 {
            house.0.busy(id);
        }
        assert_eq!(house.arrive(1, "fifth"), Admission::Full, "his are all being answered");
        house.0.answered(4, house.1);
        assert_eq!(house.arrive(1, "sixth"), Admission::InPlaceOf(6, "third"));
    }

    #[test]
    fn an_idle_flood_from_many_addresses_bars_nobody() {
        let mut house = House::new();
        for (n, name) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (2, "b2"), (3, "c1")] {
            house.seated(n, name);
        }
        assert_eq!(house.arrive(9, "operator"), Admission::InPlaceOf(7, "a1"), "the fullest peer's oldest");
        assert_eq!(
            house.arrive(8, "another"),
            Admission::InPlaceOf(8, "a2"),
            "of two equally full peers the one idle for longer"
        );
        assert_eq!(house.0.count(), ROOM.all);
    }

    #[test]
    fn a_peer_with_many_takes_no_place_of_one_with_few() {
        let mut house = House::new();
        for name in ["a1", "a2"] {
            let id = house.seated(1, name);
            house.0.busy(id);
        }
        for (n, name) in [(2, "b"), (3, "c"), (4, "d"), (5, "e")] {
            house.seated(n, name);
        }
        assert_eq!(house.arrive(1, "a3"), Admission::Full, "all others have fewer than he");
        assert_eq!(house.arrive(6, "f"), Admission::InPlaceOf(7, "b"), "the busy are not asked");
    }

    #[test]
    fn who_was_answered_last_goes_last() {
        let mut house = House::new();
        let first = house.seated(1, "first");
        house.seated(1, "second");
        house.0.busy(first);
        house.0.answered(first, house.1 + Duration::from_secs(9));
        assert_eq!(house.0.give_way(), Some("second"));
        assert_eq!(house.0.give_way(), Some("first"));
        assert_eq!(house.0.give_way(), None);
    }

    #[test]
    fn one_network_is_one_peer() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(peer(address("2001:db8:1:2:3::4")), peer(address("2001:db8:1:2:ffff::")));
        assert_ne!(peer(address("2001:db8:1:2::")), peer(address("2001:db8:1:3::")));
        assert_eq!(peer(address("::ffff:127.0.0.2")), at(2));
        assert_eq!(peer(address("::1")), address("::1"));
    }
}

//! Subscribers that do not come back: they are shown, and retired when the configuration says so, since events are kept
//! for them.
use super::hub::Hub;
use super::subscriptions;
use crate::contract::age::AgePermit;
use crate::contract::ids::SubscriberName;
use crate::platform::clock::now_us;

/// The key of this trouble in the router's health.
const TROUBLE: &str = "absent";
/// More names are only counted.
const MAX_NAMED: usize = 3;
const DAY_US: i64 = 86_400_000_000;

/// Retires who has been away for longer than `most` microseconds.
async fn retire_old(hub: &Hub, away: &[(i64, SubscriberName)], most: i64, _by_age: AgePermit) {
    for (us, name) in away.iter().filter(|(us, _)| *us > most) {
        tracing::warn!(subscriber = %name, "disconnected for {} days (router.retire_days); retired", us / DAY_US);
        // It may have come back in this moment, or the disk is full: the next look tries again.
        if let Err(refusal) = subscriptions::retire(hub, name).await {
            tracing::warn!(subscriber = %name, why = %refusal.parameters.message, "cannot retire the subscription");
        }
    }
}

/// Looks who has been away too long.
pub async fn look(hub: &Hub) {
    let (now, last) = (now_us(), hub.last());
    let (limit, retire) = {
        let settings = hub.settings.borrow();
        (settings.absent_us, settings.retire_us)
    };
    let mut away: Vec<(i64, SubscriberName)> = {
        let subs = hub.subs.borrow();
        subs.iter().filter_map(|(name, sub)| Some((sub.absent_us(last, now)?, name.clone()))).collect()
    };
    away.sort_by(|a, b| b.cmp(a));
    if let (Some(permit), Some(most)) = (hub.age.permit(), retire) {
        retire_old(hub, &away, most, permit).await;
    }
    // Who never came is no news: a daemon outside the profile, say, whose cursor the master made.
    let came = |name: &SubscriberName| hub.subs.borrow().get(name).is_some_and(|sub| sub.seen_us.is_some());
    let late: Vec<&(i64, SubscriberName)> =
        away.iter().filter(|(us, name)| limit.is_some_and(|most| *us > most) && came(name)).collect();
    let mut trouble = hub.counters.trouble.borrow_mut();
    if late.is_empty() {
        trouble.remove(TROUBLE);
        return;
    }
    let mut names: Vec<String> =
        late.iter().take(MAX_NAMED).map(|(us, name)| format!("{name} ({} d)", us / DAY_US)).collect();
    if late.len() > MAX_NAMED {
        names.push(format!("{} more", late.len() - MAX_NAMED));
    }
    let text = format!(
        "events are kept for disconnected subscribers: {}; start them, or `ringrift events retire NAME`",
        names.join(", ")
    );
    if trouble.get(TROUBLE) != Some(&text) {
        tracing::warn!("{text}");
        trouble.insert(TROUBLE, text);
    }
}

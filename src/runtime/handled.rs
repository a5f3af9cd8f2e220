//! Events that were handled lately, so that one whose acknowledgement was lost is not handled again.
use std::collections::{HashSet, VecDeque};

/// So many are remembered; far more than can be under way.
const REMEMBERED: usize = 1024;

/// Their ids, the latest ones.
#[derive(Debug, Default)]
pub struct Handled {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Handled {
    /// Those that an earlier process handled.
    pub fn of(ids: &[String]) -> Handled {
        let mut handled = Handled::default();
        ids.iter().for_each(|id| handled.insert(id.clone()));
        handled
    }
    /// One more; the oldest may be forgotten for it.
    pub fn insert(&mut self, id: String) {
        if self.known.insert(id.clone()) {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
    /// Whether it is among them.
    pub fn contains(&self, id: &str) -> bool {
        self.known.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered() {
        let mut handled = Handled::of(&["old".to_owned()]);
        (0..REMEMBERED).for_each(|n| handled.insert(n.to_string()));
        handled.insert("5".into());
        assert!(!handled.contains("old") && handled.contains("0") && handled.contains("1023"));
    }
}

//! Which events control the suite: what they state only the suite itself can know, and it acts on them without asking
//! again.
use super::{Category, EventType};

impl EventType {
    /// Whether only root and the suite's own users may publish it. The work queue's, the daemons' and the router's own
    /// events are so; of the others those that take a host in or out, throttle everybody, or put a model into play.
    /// What merely reports or asks (new games, a full disk, a wish to explore more) anybody may publish who may use the
    /// socket.
    pub fn is_control(self) -> bool {
        matches!(self.info().category, Category::Work | Category::Daemon | Category::Router)
            || matches!(
                self,
                EventType::HostOnline
                    | EventType::HostOffline
                    | EventType::BackpressureActivated
                    | EventType::BackpressureReleased
                    | EventType::EvaluationCompleted
                    | EventType::ModelPromoted
            )
    }
}

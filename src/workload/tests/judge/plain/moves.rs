//! A move with all that a recorded game says of it, and its JSON.

use serde_json::{Map, Value, json};

use super::board::{Point, Shape};

/// One move. What a kind does not have is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    pub kind: &'static str,
    pub player: u8,
    pub from: Option<Point>,
    pub to: Option<Point>,
    pub target: Option<Point>,
    pub count: Option<u8>,
    pub line: Option<Vec<Point>>,
    pub collapsed: Option<Vec<Point>>,
    pub region: Option<Vec<Point>>,
    pub option: Option<u8>,
    pub mode: Option<&'static str>,
    pub extraction: Option<Point>,
    pub context: Option<&'static str>,
}

impl Move {
    pub fn bare(kind: &'static str, player: u8) -> Self {
        Self { kind, player, ..Self::default() }
    }

    /// The form of recorded games.
    pub fn to_json(&self, shape: Shape) -> Value {
        let list = |at: Point| match shape {
            Shape::Squares { .. } => json!([at.x, at.y]),
            Shape::Hexagon { .. } => json!([at.x, at.y, -at.x - at.y]),
        };
        let all = |cells: &Vec<Point>| {
            let mut cells = cells.clone();
            cells.sort();
            Value::Array(cells.into_iter().map(list).collect())
        };
        let mut out = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                out.insert(key.to_owned(), value);
            }
        };
        put("type", Some(json!(self.kind)));
        put("player", Some(json!(self.player)));
        put("from", self.from.map(list));
        put("to", self.to.map(list));
        put("captureTarget", self.target.map(list));
        put("placementCount", self.count.map(|n| json!(n)));
        put("line", self.line.as_ref().map(all));
        put("collapsedMarkers", self.collapsed.as_ref().map(all));
        put("region", self.region.as_ref().map(all));
        put("recovery_option", self.option.map(|n| json!(n)));
        put("recovery_mode", self.mode.map(|n| json!(n)));
        put("extraction_stacks", self.extraction.map(|at| json!([name(shape, at)])));
        put("elimination_context", self.context.map(|n| json!(n)));
        Value::Object(out)
    }
}

/// The name of a cell.
pub fn name(shape: Shape, at: Point) -> String {
    match shape {
        Shape::Squares { .. } => format!("{},{}", at.x, at.y),
        Shape::Hexagon { .. } => format!("{},{},{}", at.x, at.y, -at.x - at.y),
    }
}

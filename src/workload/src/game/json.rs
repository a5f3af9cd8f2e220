//! States and moves in the JSON of recorded games.
//!
//! A recorded state shows the board, the counts, phase and player; what else a [`State`] knows
//! (rounds, the stack that must move) follows from the moves, so games are stored as moves.

use serde_json::{Map, Value, json};

use super::board::{GameConfig, MAX_CELLS, MAX_HEIGHT};
use super::cells;
use super::check::IllegalMove;
use super::geometry::{Cell, NO_CELL};
use super::moves::{Move, MoveKind, recovery};
use super::region_name;
use super::state::{Content, Debt, Phase, State};

/// JSON that describes no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading a {config} state: {problem}")]
pub struct BadState {
    /// The configuration the state was read for.
    pub config: GameConfig,
    /// What is wrong with it.
    pub problem: String,
}

impl State {
    /// The state in the form of recorded games.
    pub fn to_json(&self) -> Value {
        let geo = self.geometry();
        let (mut stacks, mut markers, mut collapsed) = (Map::new(), Map::new(), Map::new());
        for cell in 0..geo.cells as Cell {
            let name = || geo.name(cell);
            match self.content(cell) {
                Content::Empty => {}
                Content::Marker(p) => drop(markers.insert(name(), json!(p + 1))),
                Content::Collapsed(p) => drop(collapsed.insert(name(), json!(p + 1))),
                Content::Stack { .. } => {
                    let rings: Vec<u8> = self.rings(cell).map(|p| p + 1).collect();
                    stacks.insert(name(), json!(rings));
                }
            }
        }
        let n = usize::from(self.config().players);
        let outcome = self.outcome();
        json!({
            "phase": self.phase().name(), "player": self.to_move() + 1,
            "status": if outcome.is_some() { "completed" } else { "active" },
            "winner": outcome.map(|o| o.winner + 1),
            "stacks": stacks, "markers": markers, "collapsed": collapsed,
            "hand": self.head.hand[..n], "eliminated": self.head.eliminated[..n], "territory": self.head.recorded_territory[..n],
        })
    }

    /// A state from the form of recorded games, with nothing known of earlier turns.
    ///
    /// # Errors
    /// A field is missing or of the wrong type, a cell is not on the board or given twice.
    pub fn from_json(config: GameConfig, value: &Value) -> Result<Self, BadState> {
        let bad = |problem: String| BadState { config, problem };
        let mut state = Self::new(config, false);
        let phase = value["phase"].as_str().and_then(|name| Phase::ALL.iter().find(|(_, n)| *n == name));
        state.head.phase = phase.ok_or_else(|| bad(format!("no such phase {}", value["phase"])))?.0;
        state.head.player = player(&value["player"], config).map_err(bad)?;
        for (what, kind) in [("stacks", 0), ("markers", 1), ("collapsed", 2)] {
            let map = value[what].as_object().ok_or_else(|| bad(format!("{what} is no object")))?;
            for (name, content) in map {
                let cell = state
                    .geometry()
                    .parse(name)
                    .ok_or_else(|| bad(format!("{what}: no cell {name:?} on the board")))?;
                if state.content(cell) != Content::Empty {
                    return Err(bad(format!("{what}: cell {name} is given twice")));
                }
                let new = match kind {
                    0 => read_stack(&mut state, content).map_err(|p| bad(format!("{what}: {name}: {p}")))?,
                    1 => cells::marker(player(content, config).map_err(bad)?),
                    _ => cells::collapsed(player(content, config).map_err(bad)?),
                };
                state.set(cell, new);
            }
        }
        for what in ["hand", "eliminated", "territory"] {
            let list = value[what].as_array().filter(|l| l.len() == usize::from(config.players));
            let list = list.ok_or_else(|| bad(format!("{what} needs one number a player")))?;
            for (p, number) in list.iter().enumerate() {
                let n = number.as_u64().and_then(|n| u16::try_from(n).ok());
                let n = n.ok_or_else(|| bad(format!("{what}: {number} is no count")))?;
                match what {
                    "hand" => state.head.hand[p] = n,
                    "eliminated" => state.head.eliminated[p] = n,
                    _ => state.head.recorded_territory[p] = n,
                }
            }
        }
        Ok(state)
    }

    /// Says which stack goes on capturing, for states read in the middle of a capture.
    pub fn bind_stack(&mut self, cell: Cell) {
        self.head.bound = cell;
    }

    /// Says that a stack has yet to pay for a line or a territory, for states read in between; with a buried ring in a
    /// turn with a recovery slide.
    pub fn owe_stack(&mut self, recovery: bool) {
        self.head.debt = match self.head.phase {
            _ if recovery => Debt::Recovery,
            Phase::LineProcessing => Debt::Line,
            _ => Debt::Territory,
        };
    }

    /// The move's object in the trace format, as played in this state.
    pub fn move_to_json(&self, mv: &Move) -> Value {
        let geo = self.geometry();
        let point = |cell: Cell| match geo.coordinates(cell) {
            (x, y, Some(z)) => json!([x, y, z]),
            (x, y, None) => json!([x, y]),
        };
        let sorted = |mut cells: Vec<Cell>| {
            cells.sort_unstable();
            Value::Array(cells.into_iter().map(point).collect())
        };
        let mut out = Map::new();
        out.insert("type".into(), json!(mv.kind.name()));
        out.insert("player".into(), json!(self.to_move() + 1));
        if mv.from != NO_CELL {
            out.insert("from".into(), point(mv.from));
        }
        if mv.to != NO_CELL && mv.kind != MoveKind::ChooseTerritoryOption {
            out.insert("to".into(), point(mv.to));
        }
        match mv.kind {
            MoveKind::PlaceRing => drop(out.insert("placementCount".into(), json!(mv.count))),
            MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment => {
                out.insert("captureTarget".into(), point(mv.target));
            }
            MoveKind::ProcessLine | MoveKind::ChooseLineOption => {
                out.insert("line".into(), sorted(self.run(mv.to, mv.aux, mv.count).collect()));
                if mv.kind == MoveKind::ChooseLineOption {
                    out.insert("collapsedMarkers".into(), sorted(self.run(mv.target, mv.aux, mv.part).collect()));
                }
            }
            MoveKind::ChooseTerritoryOption => {
                let mut list = [0; MAX_CELLS];
                let n = self.region_cells(mv, &mut list);
                out.insert("to".into(), point(region_name::name(geo, &list[..n])));
                out.insert("region".into(), sorted(list[..n].to_vec()));
            }
            MoveKind::EliminateRings => {
                let context = ["", "line", "territory", "recovery"][usize::from(mv.aux)];
                out.insert("elimination_context".into(), json!(context));
            }
            MoveKind::RecoverySlide => {
                let mode = ["line", "line", "fallback", "stack_strike"][usize::from(mv.aux)];
                out.insert("recovery_mode".into(), json!(mode));
                if mode == "line" {
                    out.insert("recovery_option".into(), json!(mv.aux + 1));
                }
                if mv.aux == recovery::LINE_FREE {
                    out.insert("collapsedMarkers".into(), sorted(self.run(mv.target, mv.part, mv.count).collect()));
                } else if mode != "line" {
                    out.insert("extraction_stacks".into(), json!([geo.name(mv.target)]));
                }
            }
            _ => {}
        }
        Value::Object(out)
    }

    /// The move that a trace-format object describes: the first legal one whose object has all its fields,
    /// or a free recovery that is accepted though not on offer.
    ///
    /// # Errors
    /// No legal move of this state fits the object.
    pub fn move_from_json(&self, value: &Value) -> Result<Move, IllegalMove> {
        let refuse = |rule| IllegalMove { mv: value.to_string(), rule };
        let wanted = value.as_object().ok_or_else(|| refuse("a move is an object"))?;
        let kind = value["type"]
            .as_str()
            .and_then(MoveKind::from_name)
            .ok_or_else(|| refuse("there is no such type of move"))?;
        let at = |key: &str| {
            let list = wanted.get(key)?.as_array()?;
            let n = |i: usize| list.get(i).and_then(Value::as_i64);
            self.geometry().at(n(0)?, n(1)?, n(2))
        };
        let (from, to) = (at("from"), at("to"));
        let mut moves = Vec::new();
        self.legal_moves(&mut moves);
        let near = moves.into_iter().filter(|mv| {
            mv.kind == kind
                && from.is_none_or(|c| mv.from == c)
                && (to.is_none_or(|c| mv.to == c) || kind == MoveKind::ChooseTerritoryOption)
        });
        let fits = |mv: &Move| {
            let mine = self.move_to_json(mv);
            wanted.iter().all(|(key, v)| mine.get(key) == Some(v))
        };
        let near: Vec<Move> = near.collect();
        let parts = near.iter().filter(|mv| mv.aux == recovery::LINE_FREE && mv.kind == MoveKind::RecoverySlide);
        let parts: Vec<Move> = parts.flat_map(|mv| self.free_parts(mv)).collect();
        near.into_iter().chain(parts).find(fits).ok_or_else(|| refuse("no legal move of this position fits it"))
    }
}

fn player(value: &Value, config: GameConfig) -> Result<u8, String> {
    value
        .as_u64()
        .filter(|&p| (1..=u64::from(config.players)).contains(&p))
        .map(|p| p as u8 - 1)
        .ok_or_else(|| format!("no player {value}"))
}

fn read_stack(state: &mut State, content: &Value) -> Result<u64, String> {
    let rings = content.as_array().filter(|l| !l.is_empty() && l.len() <= MAX_HEIGHT);
    let rings = rings.ok_or_else(|| format!("a stack has 1 to {MAX_HEIGHT} rings"))?;
    let mut stack = 0;
    for ring in rings {
        let p = player(ring, state.config())?;
        stack = cells::push(stack, p);
        state.head.rings[usize::from(p)] += 1;
    }
    Ok(stack)
}

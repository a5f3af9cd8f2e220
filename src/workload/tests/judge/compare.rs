//! Two engines side by side, and the plain one beside a recorded game.

use ringrift_workload::game::{Cell, Content, GameConfig, Move, MoveKind, NO_CELL, State};
use serde_json::{Map, Value, json};

use super::plain::board::{Content as PlainContent, Point, Shape};
use super::plain::moves::{self, Move as PlainMove};
use super::plain::{Game, phase};

/// Every so many plies the JSON of both is compared too.
const JSON_EVERY: u32 = 50;

/// A game on both engines.
pub struct Pair {
    pub fast: State,
    plain: Game,
    listed: Vec<PlainMove>,
}

impl Pair {
    pub fn new(config: GameConfig, swap_rule: bool) -> Self {
        let plain = Game::new(Shape::named(config.board.name()), config.players, swap_rule);
        Self { fast: State::new(config, swap_rule), plain, listed: Vec::new() }
    }

    /// A game that begins with a position in the form of recorded games.
    pub fn from_position(config: GameConfig, position: &Value) -> Self {
        let fast = State::from_json(config, position).expect("a position");
        let plain = plain_position(Shape::named(config.board.name()), config.players, position);
        Self { fast, plain, listed: Vec::new() }
    }

    /// The legal moves, if both engines have the same.
    pub fn legal(&mut self) -> Result<Vec<Move>, String> {
        let mut fast = Vec::new();
        self.fast.legal_moves(&mut fast);
        let ply = self.fast.move_count();
        let mut ours: Vec<PlainMove> = fast.iter().map(|mv| translate(&self.fast, mv)).collect();
        self.listed = self.plain.legal().into_iter().map(PlainMove::in_order).collect();
        self.listed.sort();
        ours.sort();
        if ours != self.listed {
            let lacks = |all: &[PlainMove], some: &[PlainMove]| -> Vec<String> {
                let missing = all.iter().filter(|mv| !some.contains(mv)).take(5);
                missing.map(|mv| mv.to_json(self.plain.shape).to_string()).collect()
            };
            return Err(format!(
                "ply {ply}: missing {:?}, too many {:?}",
                lacks(&self.listed, &ours),
                lacks(&ours, &self.listed)
            ));
        }
        if ply.is_multiple_of(JSON_EVERY) {
            let sorted = |mut list: Vec<String>| {
                list.sort();
                list
            };
            let a = sorted(fast.iter().map(|mv| self.fast.move_to_json(mv).to_string()).collect());
            let b = sorted(self.listed.iter().map(|mv| mv.to_json(self.plain.shape).to_string()).collect());
            if a != b {
                return Err(format!("ply {ply}: the moves differ in their JSON"));
            }
        }
        Ok(fast)
    }

    /// Makes a move on both; they must then show the same.
    pub fn play(&mut self, mv: &Move) -> Result<(), String> {
        let told = translate(&self.fast, mv);
        let ply = self.fast.move_count();
        self.fast.apply(mv);
        self.plain.play(&told);
        match self.difference() {
            Some(what) => Err(format!("ply {ply}: after {}: {what}", told.to_json(self.plain.shape))),
            None => Ok(()),
        }
    }

    fn difference(&self) -> Option<String> {
        let (fast, plain) = (&self.fast, &self.plain);
        let geo = fast.geometry();
        for cell in 0..geo.cells as Cell {
            let at = point(fast, cell)?;
            let same = match (fast.content(cell), plain.board.get(at)?) {
                (Content::Empty, PlainContent::Empty) => true,
                (Content::Marker(a), PlainContent::Marker(b)) | (Content::Collapsed(a), PlainContent::Territory(b)) => {
                    a + 1 == *b
                }
                (Content::Stack { .. }, PlainContent::Stack(rings)) => {
                    fast.rings(cell).map(|p| p + 1).eq(rings.iter().copied())
                }
                _ => false,
            };
            if !same {
                return Some(format!(
                    "cell {}: {:?} beside {:?}",
                    geo.name(cell),
                    fast.content(cell),
                    plain.board.get(at)
                ));
            }
        }
        for p in 0..fast.config().players {
            let i = usize::from(p) + 1;
            let ours = (fast.hand(p), fast.eliminated(p), fast.recorded_territory(p));
            let theirs = (plain.hand[i], plain.eliminated[i], plain.recorded[i]);
            if ours != theirs {
                return Some(format!("player {i}: hand, eliminated, territory {ours:?} beside {theirs:?}"));
            }
        }
        let must = fast.bound_stack().and_then(|cell| point(fast, cell));
        let ours = (fast.phase().name(), fast.to_move() + 1, fast.outcome().map(|o| o.winner + 1), must);
        let theirs = (plain.phase, plain.player, plain.winner, if plain.winner.is_some() { must } else { plain.must });
        if ours != theirs {
            return Some(format!("phase, player, winner, bound stack {ours:?} beside {theirs:?}"));
        }
        let json = fast.move_count() % JSON_EVERY == 0 && fast.to_json() != state_json(plain);
        json.then(|| "the states differ in their JSON".to_owned())
    }
}

fn point(state: &State, cell: Cell) -> Option<Point> {
    (cell != NO_CELL).then(|| {
        let (x, y, _) = state.geometry().coordinates(cell);
        Point { x, y }
    })
}

/// A move of the playing engine in the words of the plain one. Frequent kinds go by their fields, others by their JSON.
fn translate(state: &State, mv: &Move) -> PlainMove {
    let bare = PlainMove::bare(mv.kind.name(), state.to_move() + 1);
    let at = |cell| point(state, cell);
    match mv.kind {
        MoveKind::PlaceRing => PlainMove { to: at(mv.to), count: Some(mv.count), ..bare },
        MoveKind::MoveStack => PlainMove { from: at(mv.from), to: at(mv.to), ..bare },
        MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment => {
            PlainMove { from: at(mv.from), to: at(mv.to), target: at(mv.target), ..bare }
        }
        _ => read_move(&state.move_to_json(mv), mv.kind.name()),
    }
}

fn read_move(json: &Value, kind: &'static str) -> PlainMove {
    let number = |v: &Value| v.as_i64().and_then(|n| i8::try_from(n).ok()).expect("a coordinate");
    let point = |v: &Value| Point { x: number(&v[0]), y: number(&v[1]) };
    let one = |key: &str| json.get(key).map(point);
    let many = |key: &str| json.get(key).map(|list| list.as_array().expect("a list").iter().map(point).collect());
    let known = |key: &str, words: &[&'static str]| json.get(key).and_then(|v| words.iter().copied().find(|w| v == w));
    let extraction = json["extraction_stacks"][0].as_str().map(cell_named);
    PlainMove {
        kind,
        player: json["player"].as_u64().expect("a player") as u8,
        from: one("from"),
        to: one("to"),
        target: one("captureTarget"),
        count: json["placementCount"].as_u64().map(|n| n as u8),
        line: many("line"),
        collapsed: many("collapsedMarkers"),
        region: many("region"),
        option: json["recovery_option"].as_u64().map(|n| n as u8),
        mode: known("recovery_mode", &["line", "fallback", "stack_strike"]),
        extraction,
        context: known("elimination_context", &["line", "territory", "recovery"]),
    }
    .in_order()
}

impl PlainMove {
    /// Lists of cells compare as sets.
    fn in_order(mut self) -> Self {
        [&mut self.line, &mut self.collapsed, &mut self.region].into_iter().flatten().for_each(|list| list.sort());
        self
    }
}

fn state_json(game: &Game) -> Value {
    let (mut stacks, mut markers, mut collapsed) = (Map::new(), Map::new(), Map::new());
    for at in game.shape.cells() {
        let name = moves::name(game.shape, at);
        match game.board.get(at).expect("a cell") {
            PlainContent::Empty => {}
            PlainContent::Marker(p) => drop(markers.insert(name, json!(p))),
            PlainContent::Territory(p) => drop(collapsed.insert(name, json!(p))),
            PlainContent::Stack(rings) => drop(stacks.insert(name, json!(rings))),
        }
    }
    json!({
        "phase": game.phase, "player": game.player, "status": if game.winner.is_some() { "completed" } else { "active" },
        "winner": game.winner, "stacks": stacks, "markers": markers, "collapsed": collapsed,
        "hand": game.hand[1..], "eliminated": game.eliminated[1..], "territory": game.recorded[1..],
    })
}

fn plain_position(shape: Shape, players: u8, position: &Value) -> Game {
    let mut game = Game::new(shape, players, false);
    let player = |v: &Value| v.as_u64().expect("a player") as u8;
    let cells = |what: &str| {
        position[what].as_object().expect("cells").iter().map(|(name, content)| (cell_named(name), content))
    };
    for (at, rings) in cells("stacks") {
        game.board.set_stack(at, rings.as_array().expect("rings").iter().map(player).collect());
    }
    cells("markers").for_each(|(at, p)| game.board.set(at, PlainContent::Marker(player(p))));
    cells("collapsed").for_each(|(at, p)| game.board.set(at, PlainContent::Territory(player(p))));
    for (p, number) in position["hand"].as_array().expect("numbers").iter().enumerate() {
        game.hand[p + 1] = number.as_u64().expect("a number") as u16;
    }
    let phases = [phase::PLACEMENT, phase::MOVEMENT, phase::LINES, phase::TERRITORY];
    game.phase = phases.into_iter().find(|name| position["phase"] == *name).expect("a phase");
    game.player = player(&position["player"]);
    game
}

fn cell_named(name: &str) -> Point {
    let mut parts = name.split(',').map(|n| n.parse().expect("a coordinate"));
    Point { x: parts.next().expect("x"), y: parts.next().expect("y") }
}

/// Replays a recorded game on the plain engine; the error is the first difference.
pub fn replay(trace: &Value) -> Result<(), String> {
    let plies = trace["plies"].as_array().ok_or("no plies")?;
    let swaps =
        plies.iter().any(|ply| ply["legal"].as_array().is_some_and(|l| l.iter().any(|mv| mv["type"] == "swap_sides")));
    let shape = Shape::named(trace["boardType"].as_str().ok_or("no board")?);
    let players = trace["numPlayers"].as_u64().ok_or("no players")? as u8;
    let mut game = Game::new(shape, players, swaps);
    let text = |mv: &Value| {
        let fields = mv.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
        Value::Object(fields.map(|(k, v)| (k.clone(), v.clone())).collect()).to_string()
    };
    for (number, ply) in plies.iter().enumerate() {
        let listed = game.legal();
        let ours: std::collections::BTreeMap<String, &PlainMove> =
            listed.iter().map(|mv| (text(&mv.to_json(shape)), mv)).collect();
        let recorded: Vec<String> = ply["legal"].as_array().ok_or("no moves")?.iter().map(text).collect();
        let theirs: std::collections::BTreeSet<&String> = recorded.iter().collect();
        let missing: Vec<&&String> = theirs.iter().filter(|mv| !ours.contains_key(**mv)).take(5).collect();
        let many: Vec<&String> = ours.keys().filter(|mv| !theirs.contains(mv)).take(5).collect();
        if !missing.is_empty() || !many.is_empty() {
            return Err(format!("ply {number}: missing {missing:?}, too many {many:?}"));
        }
        let chosen = ply["chosen"].as_u64().and_then(|i| recorded.get(i as usize)).ok_or("no chosen move")?;
        let mv = ours[chosen].clone();
        game.play(&mv);
        let (got, want) = (state_json(&game), &ply["after"]);
        let differs = want.as_object().into_iter().flatten().find(|(key, value)| got[key.as_str()] != **value);
        if let Some((key, value)) = differs {
            return Err(format!("ply {number}: {key}: expected {value}, got {} after {chosen}", got[key.as_str()]));
        }
    }
    if trace["winner"] != json!(game.winner) {
        return Err(format!("winner: expected {}, got {:?}", trace["winner"], game.winner));
    }
    Ok(())
}

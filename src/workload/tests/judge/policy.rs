//! Ways of choosing moves that lead games to the rare rules, and positions that are full of them.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use ringrift_workload::game::{Cell, Content, GameConfig, Move, MoveKind, NO_CELL, Phase, State, geometry};
use serde_json::{Map, Value, json};

/// What a player likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anything.
    Random,
    /// Few stacks of one's own but buried rings and markers, then slides.
    Recovery,
    /// Regions, and walls for them.
    Territory,
    /// Long runs of markers.
    Lines,
    /// Captures, and again captures.
    Chains,
    /// That nobody can move.
    Starvation,
    /// To do as little as possible: skipping and no-ops.
    Idle,
}

impl Policy {
    pub const ALL: [Policy; 7] =
        [Self::Random, Self::Recovery, Self::Territory, Self::Lines, Self::Chains, Self::Starvation, Self::Idle];

    /// The place of the chosen move. A third of the choices are random, so that no two games are alike.
    pub fn choose(self, state: &State, moves: &[Move], rng: &mut Xoshiro256PlusPlus) -> usize {
        let any = |rng: &mut Xoshiro256PlusPlus| rng.random_range(..moves.len());
        let swap = moves.iter().position(|mv| mv.kind == MoveKind::SwapSides);
        if let Some(swap) = swap.filter(|_| rng.random_range(..3_u8) == 0) {
            return swap;
        }
        if self == Self::Random || moves.len() == 1 || rng.random_range(..3_u8) == 0 {
            return any(rng);
        }
        let liked: Vec<usize> = (0..moves.len()).filter(|&i| self.likes(moves[i].kind)).collect();
        if !liked.is_empty() {
            return liked[rng.random_range(..liked.len())];
        }
        let tried: Vec<usize> = (0..5).map(|_| any(rng)).collect();
        let score = |&i: &usize| {
            let mut after = state.clone();
            after.apply(&moves[i]);
            self.score(&after, state.to_move())
        };
        tried.into_iter().max_by_key(score).expect("five were tried")
    }

    fn likes(self, kind: MoveKind) -> bool {
        use MoveKind::*;
        match self {
            Self::Recovery => matches!(kind, RecoverySlide | SkipPlacement),
            Self::Territory => matches!(kind, ChooseTerritoryOption | RecoverySlide),
            Self::Lines => matches!(kind, ProcessLine | ChooseLineOption | RecoverySlide),
            Self::Chains => matches!(kind, OvertakingCapture | ContinueCaptureSegment),
            Self::Idle => matches!(kind, SkipPlacement | SkipCapture | SkipRecovery | SkipTerritoryProcessing),
            Self::Random | Self::Starvation => false,
        }
    }

    /// How good a position is for the player who has just moved; larger is better.
    fn score(self, state: &State, player: u8) -> i64 {
        let everybody = || 0..state.config().players;
        let mean = |state: &State, p: u8| i64::from(state.stacks(p));
        match self {
            Self::Recovery => {
                let starved = everybody()
                    .filter(|&p| state.stacks(p) == 0 && state.rings_on_board(p) > 0 && state.markers(p) > 0);
                20 * starved.count() as i64
                    - everybody().map(|p| mean(state, p)).sum::<i64>()
                    - i64::from(state.hand(player))
            }
            Self::Territory => {
                i64::from(state.markers(player)) * 2 + everybody().map(|p| i64::from(state.territory(p))).sum::<i64>()
            }
            Self::Lines => longest_run(state, player),
            Self::Starvation => {
                let mut next = Vec::new();
                state.legal_moves(&mut next);
                let moves = next.len().min(200) as i64;
                let theirs: i64 = everybody().filter(|&p| p != player).map(|p| mean(state, p)).sum();
                -moves - 3 * theirs - i64::from(state.phase() == Phase::RingPlacement) * i64::from(state.hand(player))
            }
            Self::Random | Self::Chains | Self::Idle => -mean(state, player),
        }
    }
}

/// The longest run of a player's markers, and how many runs are as long as three.
fn longest_run(state: &State, player: u8) -> i64 {
    let geo = state.geometry();
    let mine = |cell: Cell| cell != NO_CELL && state.content(cell) == Content::Marker(player);
    let (mut longest, mut long) = (0, 0);
    for first in (0..geo.cells as Cell).filter(|&c| mine(c)) {
        for way in 0..geo.directions / 2 {
            let (mut at, mut length) = (first, 0);
            while mine(at) {
                at = geo.step[usize::from(at)][way];
                length += 1;
            }
            longest = longest.max(length);
            long += i64::from(length >= 3);
        }
    }
    longest * 10 + long
}

/// A position made at random, in the form of recorded games: some are crowded, in some a player has only buried rings
/// and markers, in some the board is nearly full of territory. Nobody has won it yet.
pub fn position(config: GameConfig, rng: &mut Xoshiro256PlusPlus) -> Value {
    let geo = geometry(config.board);
    let players = config.players;
    let starved = rng.random_range(..players) + 1;
    let (mut stacks, mut markers, mut collapsed) = (Map::new(), Map::new(), Map::new());
    let [stack, marker, fallen] = [(); 3].map(|()| rng.random_range(..50_u32));
    let one_colour = rng.random_range(..3_u8) == 0;
    let mut owned = [0; 5];
    for cell in 0..geo.cells as Cell {
        let draw = rng.random_range(..100 + stack + marker + fallen);
        let player = rng.random_range(..players) + 1;
        let name = geo.name(cell);
        if draw < stack {
            let mut rings: Vec<u8> = (0..rng.random_range(1..6_u8)).map(|_| rng.random_range(..players) + 1).collect();
            if rings.last() == Some(&starved) {
                rings.push(starved % players + 1);
            }
            stacks.insert(name, json!(rings));
        } else if draw < stack + marker {
            markers.insert(name, json!(if one_colour { starved } else { player }));
        } else if draw < stack + marker + fallen && owned[usize::from(player)] < geo.cells / 2 {
            owned[usize::from(player)] += 1;
            collapsed.insert(name, json!(player));
        }
    }
    let begins = ["ring_placement", "ring_placement", "movement", "line_processing", "territory_processing"];
    let phase = begins[rng.random_range(..begins.len())];
    let hand: Vec<u16> = (0..players).map(|_| rng.random_range(..4_u16).saturating_sub(2) * 3).collect();
    let player = if rng.random_range(..3_u8) == 0 { rng.random_range(..players) + 1 } else { starved };
    json!({"phase": phase, "player": player, "stacks": stacks, "markers": markers, "collapsed": collapsed,
           "hand": hand, "eliminated": vec![0; usize::from(players)], "territory": vec![0; usize::from(players)]})
}

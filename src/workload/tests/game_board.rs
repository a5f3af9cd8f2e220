//! Boards, configurations and their numbers.

use std::collections::BTreeSet;

use ringrift_workload::game::{BoardKind, Cell, GameConfig, NO_CELL, geometry};

#[test]
fn twelve_configurations_are_named_and_read_back() {
    let names: Vec<String> = GameConfig::all().map(|c| c.to_string()).collect();
    assert_eq!(names.len(), 12);
    assert_eq!((names[0].as_str(), names[11].as_str()), ("square8_2p", "hexagonal_4p"));
    for name in &names {
        assert_eq!(name.parse::<GameConfig>().expect("a configuration").to_string(), *name);
    }
    let error = "square9_2p".parse::<GameConfig>().expect_err("no such board");
    assert!(error.to_string().contains("square8_2p"), "the error shows a name that works: {error}");
}

#[test]
fn the_numbers_of_each_configuration_are_those_of_the_rules() {
    let numbers = |board, players| {
        let c = GameConfig { board, players };
        (c.line_length(), c.elimination_threshold(), c.territory_threshold())
    };
    assert_eq!(numbers(BoardKind::Square8, 2), (4, 18, 33));
    assert_eq!(numbers(BoardKind::Square8, 3), (3, 24, 33));
    assert_eq!(numbers(BoardKind::Hex8, 4), (3, 30, 31));
    assert_eq!(numbers(BoardKind::Square19, 3), (4, 96, 181));
    assert_eq!(numbers(BoardKind::Hexagonal, 2), (4, 96, 235));
    assert_eq!(numbers(BoardKind::Hexagonal, 4), (4, 160, 235));
}

#[test]
fn neighbours_are_mutual_and_names_are_read_back() {
    for board in BoardKind::ALL {
        let geo = geometry(board);
        assert_eq!(geo.cells, board.cells());
        let half = geo.directions / 2;
        for cell in 0..geo.cells as Cell {
            assert_eq!(geo.parse(&geo.name(cell)), Some(cell));
            let (row, col) = geo.position[usize::from(cell)];
            assert_eq!(geo.at_plane(row.into(), col.into()), Some(cell));
            for d in 0..geo.directions {
                let near = geo.step[usize::from(cell)][d];
                if near != NO_CELL {
                    assert_eq!(geo.step[usize::from(near)][(d + half) % geo.directions], cell);
                    assert_eq!(geo.direction(cell, near), d);
                }
            }
        }
        for outside in ["", "1", "a,b", "90,0", "-1,0", "1,1,1", "0,0,0,0"] {
            assert!(geo.parse(outside).is_none(), "{board} has no cell {outside:?}");
        }
    }
    assert_eq!(geometry(BoardKind::Hex8).parse("0,0"), None, "hexagons need three coordinates");
    assert_eq!(geometry(BoardKind::Hex8).name(0), "-4,0,4");
}

#[test]
fn symmetries_are_different_permutations_that_keep_neighbours() {
    for (board, count) in
        [(BoardKind::Square8, 8), (BoardKind::Square19, 8), (BoardKind::Hex8, 12), (BoardKind::Hexagonal, 12)]
    {
        let geo = geometry(board);
        assert_eq!(geo.symmetries.iter().collect::<BTreeSet<_>>().len(), count);
        assert!(geo.symmetries[0].iter().enumerate().all(|(i, &c)| i == usize::from(c)), "the identity comes first");
        for map in &geo.symmetries {
            assert_eq!(map.iter().collect::<BTreeSet<_>>().len(), geo.cells);
            for cell in 0..geo.cells {
                let near = |c: usize| geo.adjacent[c].iter().copied().filter(|&n| n != NO_CELL);
                let images: BTreeSet<Cell> = near(cell).map(|n| map[usize::from(n)]).collect();
                assert_eq!(images, near(usize::from(map[cell])).collect::<BTreeSet<_>>());
            }
        }
    }
}

//! Damage of every kind, on real files: what is found, what takes its place, and what is said.
use super::*;
use crate::contract::error::Exit;
use crate::contract::error::Failure;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

const ONE: &[&str] = &["CREATE TABLE a(x)"];
const TWO: &[&str] = &["CREATE TABLE a(x)", "CREATE TABLE b(x)"];

struct Bench {
    dir: TempDir,
    spec: Spec,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("state")).expect("a state directory");
    let path = dir.path().join("state/t.db");
    Bench { spec: Spec { path, migrations: ONE, holds: "the letters", keep: Keep::NONE }, dir }
}

impl Bench {
    fn open(&self) -> Database {
        open(&self.spec).expect("opens")
    }
    fn fill(&self, rows: usize) {
        let db = self.open();
        for n in 0..rows {
            db.execute("INSERT INTO a VALUES(?1)", [format!("{n}{}", "x".repeat(500))]).expect("a row");
        }
    }
    fn notices(&self) -> Vec<Notice> {
        Notices::at(self.dir.path().join("notices")).read()
    }
    fn damaged(&self) -> usize {
        let names =
            fs::read_dir(self.dir.path().join("state")).expect("a directory").map(|e| e.expect("an entry").file_name());
        names.filter(|n| n.to_string_lossy().starts_with("t.db.damaged-")).count()
    }
}

fn rows(db: &Connection) -> u32 {
    db.query_row("SELECT count(*) FROM a", [], |r| r.get(0)).expect("a count")
}

#[test]
fn what_is_no_file_is_neither_opened_nor_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (link, other, inner) = (folder.path().join("a.db"), folder.path().join("other"), folder.path().join("b.db"));
    std::fs::write(&other, "kept").expect("written");
    std::os::unix::fs::symlink(&other, &link).expect("linked");
    std::fs::create_dir(&inner).expect("made");
    for (path, what) in [(&link, "a symbolic link"), (&inner, "a directory")] {
        let spec = Spec { path: path.clone(), migrations: &[], holds: "nothing", keep: Keep::NONE };
        let refused = open(&spec).expect_err(what);
        assert!(
            refused.to_string().contains(what) && refused.exit() == crate::contract::error::Exit::NotPermitted,
            "{refused}"
        );
    }
    assert_eq!(std::fs::read_to_string(&other).expect("read"), "kept");
}

#[test]
fn migrations_run_once_behind_a_snapshot_and_one_file_is_left() {
    let mut bench = bench();
    bench.fill(3);
    bench.spec.migrations = TWO;
    let db = bench.open();
    assert_eq!((rows(&db), db.found), (3, Found::Sound));
    let vacuum: i64 = db.query_row("PRAGMA auto_vacuum", [], |r| r.get(0)).expect("a setting");
    assert_eq!(vacuum, 2, "incremental");
    let snapshots = snapshot::list(&bench.spec.path);
    assert_eq!(snapshots.len(), 1, "one before the migration");
    let version = |path: &Path| {
        connect(path).expect("opens").query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)).expect("a version")
    };
    assert_eq!(version(&snapshots[0].path), 1, "of the old schema");
    drop(db);
    assert!(!with_tail(&bench.spec.path, "-wal").exists());
    assert!(bench.notices().is_empty());
}

#[test]
fn a_truncated_an_overwritten_an_empty_and_a_deleted_database_are_told_and_begun_anew() {
    type Damage = fn(&Path);
    let break_it: [(&str, Damage); 4] = [
        ("truncated", |p| fs::File::options().write(true).open(p).and_then(|f| f.set_len(8192)).expect("truncated")),
        ("overwritten", |p| fs::write(p, [0xAA; 9000]).expect("overwritten")),
        ("empty", |p| fs::write(p, "").expect("emptied")),
        ("gone", |p| fs::remove_file(p).expect("removed")),
    ];
    for (what, damage) in break_it {
        let bench = bench();
        bench.fill(100);
        damage(&bench.spec.path);
        let db = bench.open();
        assert_eq!((db.found, rows(&db)), (Found::Anew, 0), "{what}");
        assert_eq!(bench.damaged(), usize::from(what != "gone"), "{what}");
        let [notice] = &bench.notices()[..] else { panic!("{what}: {:?}", bench.notices()) };
        assert!(notice.what.contains("the letters") && notice.next == "ringrift database confirm t", "{notice:?}");
        drop(db);
        assert_eq!(bench.open().found, Found::Sound, "{what}: once");
    }
}

#[test]
fn the_newest_sound_snapshot_takes_the_place_of_a_damaged_database() {
    let bench = bench();
    bench.fill(10);
    let (first, second);
    {
        let db = bench.open();
        let spec = Spec { keep: Keep { snapshots: 2, every: Duration::from_secs(1) }, ..bench.spec.clone() };
        first = snapshot::take(&db, &spec).expect("a snapshot");
        db.execute("INSERT INTO a VALUES('more')", []).expect("a row");
        second = snapshot::take(&db, &spec).expect("a snapshot");
        db.execute("INSERT INTO a VALUES('lost')", []).expect("a row");
    }
    fs::write(&bench.spec.path, [0; 5000]).expect("broken");
    let db = bench.open();
    assert_eq!((db.found, rows(&db)), (Found::Restored, 11));
    drop(db);
    // A damaged snapshot is passed over.
    fs::write(&second.path, [1; 5000]).expect("broken");
    fs::write(&bench.spec.path, [0; 5000]).expect("broken");
    let db = bench.open();
    assert_eq!((db.found, rows(&db)), (Found::Restored, 10));
    let [notice] = &bench.notices()[..] else { panic!("one") };
    assert!(
        matches!(&notice.subject, Subject::Database { restored: Some(from), .. } if *from == first.path.display().to_string())
    );
}

#[test]
fn only_so_many_snapshots_are_kept() {
    let mut bench = bench();
    bench.fill(1);
    bench.spec.keep = Keep { snapshots: 2, every: Duration::from_secs(86_400) };
    let db = bench.open();
    for _ in 0..4 {
        snapshot::take(&db, &bench.spec).expect("a snapshot");
    }
    assert_eq!(snapshot::list(&bench.spec.path).len(), 2);
}

#[test]
fn newer_foreign_and_full_are_three_sentences_with_three_codes() {
    let mut bench = bench();
    bench.spec.migrations = TWO;
    drop(bench.open());
    bench.spec.migrations = ONE;
    let newer = Failure::from(open(&bench.spec).expect_err("newer"));
    assert_eq!(newer.exit, Exit::BadData);
    assert!(newer.message.contains("schema version 2"), "{newer}");
    assert_eq!(bench.damaged(), 0, "it is not damaged");
    let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
    let full = Failure::from(DatabaseError::sqlite("migrating", &bench.spec.path)(full));
    assert_eq!(full.exit, Exit::TempFail);
    let owner = DatabaseError::WrongOwner { path: "/x/t.db".into(), owner: "root".into(), user: "ringrift".into() };
    let owner = Failure::from(owner);
    assert_eq!(owner.exit, Exit::NotPermitted);
    assert!(owner.hint.is_some_and(|h| h == "change its owner: chown ringrift: /x/t.db"));
}

/// A database opened elsewhere would have another policy.
#[test]
fn nobody_else_opens_a_database() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut wrong) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&root).expect("below src").display().to_string();
            if path.is_dir() {
                // A package of its own reads game files, which are no databases of the suite.
                if !path.join("Cargo.toml").exists() {
                    folders.push(path);
                }
            } else if !name.starts_with("platform/store/") && name != "platform/foreign.rs" {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let opens = |l: &&str| l.contains("Connection::open") && !l.contains("open_in_memory");
                wrong.extend(text.lines().filter(opens).map(|l| format!("{name}: {}", l.trim())));
            }
        }
    }
    assert!(wrong.is_empty(), "only platform/store opens databases:\n{}", wrong.join("\n"));
}

/// Pages of the middle, in place, while the database is open.
fn overwrite_middle(path: &Path) {
    use std::os::unix::fs::FileExt as _;
    let file = fs::File::options().write(true).open(path).expect("opened");
    let pages = file.metadata().expect("a length").len() / 4096;
    assert!(pages > 8, "{pages} pages");
    for page in 2..pages {
        file.write_all_at(&[0xAA; 4096], page * 4096).expect("overwritten");
    }
}

#[test]
fn a_file_that_somebody_else_writes_to_is_checked_although_its_owner_reads_from_memory() {
    let bench = bench();
    bench.fill(100);
    let db = bench.open();
    assert_eq!(rows(&db), 100);
    let beside = connect(&bench.spec.path).expect("opens");
    assert_eq!(check::quick_check(&beside, None).expect("checked"), Checked::Sound);
    overwrite_middle(&bench.spec.path);
    assert_eq!(rows(&db), 100, "the owner does not see it");
    beside.execute_batch("PRAGMA shrink_memory").expect("forgotten");
    assert!(matches!(check::quick_check(&beside, None).expect("checked"), Checked::Damaged(_)));
}

#[test]
fn what_broke_in_use_is_replaced_at_the_next_start_with_what_was_said() {
    let word = |untrusted| {
        serde_json::to_vec(&FailureRecord { reason: "granting: malformed".into(), breaks: 1, untrusted }).expect("text")
    };
    let left = |bench: &Bench| with_tail(&bench.spec.path, ".broken");
    // Damage that the check finds.
    let bench = self::bench();
    bench.fill(100);
    overwrite_middle(&bench.spec.path);
    fs::write(left(&bench), word(false)).expect("word");
    assert_eq!(bench.open().found, Found::Anew);
    let [notice] = &bench.notices()[..] else { panic!("one") };
    assert!(notice.what.contains("it failed in use: granting: malformed"), "{notice:?}");
    assert!(!left(&bench).exists());
    // Nothing is found: it is used, but not for ever.
    let bench = self::bench();
    bench.fill(100);
    fs::write(left(&bench), word(false)).expect("word");
    assert_eq!((bench.open().found, bench.notices().len()), (Found::Sound, 0));
    assert!(left(&bench).exists(), "the next break is the second");
    fs::write(left(&bench), word(true)).expect("word");
    assert_eq!(bench.open().found, Found::Anew);
    let [notice] = &bench.notices()[..] else { panic!("one") };
    assert!(
        notice.what.contains("it failed again after a check without findings; it failed in use: granting: malformed"),
        "{notice:?}"
    );
    assert_eq!((bench.open().found, bench.damaged()), (Found::Sound, 1), "once");
}

/// Only in a process of its own: it says what it lives by, and ends.
#[test]
fn an_owner_ends_at_once_and_leaves_word() {
    const CHILD: &str = "RINGRIFT_TEST_BROKEN_DATABASE";
    if let Some(path) = std::env::var_os(CHILD) {
        let path = PathBuf::from(path);
        own(&path);
        let spec = Spec { path: path.clone(), migrations: ONE, holds: "the letters", keep: Keep::NONE };
        let db = open(&spec).expect("opens");
        let fits = db.execute("INSERT INTO a VALUES(1, 2)", []).expect_err("does not fit");
        sort("writing", &fits);
        overwrite_middle(&path);
        let beside = connect(&path).expect("opens");
        let error = beside.query_row("SELECT count(*) FROM a", [], |_| Ok(())).expect_err("broken");
        sort("reading", &error);
        // Not reached by an owner.
        std::process::exit(9);
    }
    let bench = bench();
    bench.fill(100);
    let break_it = || {
        let name = "platform::store::tests::an_owner_ends_at_once_and_leaves_word";
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
        let ended = child.args(["--exact", name]).env(CHILD, &bench.spec.path).output().expect("run");
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    };
    break_it();
    let word = broken::word(&bench.spec.path).expect("word");
    assert!(word.reason.starts_with("reading: ") && word.breaks == 1 && !word.untrusted, "{word:?}");
    assert_eq!(bench.open().found, Found::Anew);
    assert_eq!(broken::word(&bench.spec.path), None);
    // The check finds nothing, and it breaks again at once.
    bench.fill(100);
    fs::write(with_tail(&bench.spec.path, ".broken"), serde_json::to_vec(&word).expect("text")).expect("word");
    break_it();
    let word = broken::word(&bench.spec.path).expect("word");
    assert_eq!((word.breaks, word.untrusted), (2, true), "{word:?}");
    assert_eq!(bench.open().found, Found::Anew);
}

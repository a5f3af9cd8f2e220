//! Tests of loading the configuration.
use super::*;

/// A variable that the file had, has or gets is the file's; one that a drop-in of the unit sets stays.
#[test]
fn a_reload_takes_the_environment_file_as_it_is_now() {
    let env = |list: &[(&str, &str)]| {
        list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let process = env(&[("RINGRIFT_A", "old"), ("RINGRIFT_B", "removed since"), ("RINGRIFT_C", "the unit's")]);
    let file = BTreeMap::from([
        ("RINGRIFT_A".to_owned(), ("new".to_owned(), 1)),
        ("RINGRIFT_D".to_owned(), ("new".to_owned(), 2)),
    ]);
    let began = BTreeSet::from(["RINGRIFT_A".to_owned(), "RINGRIFT_B".to_owned()]);
    assert_eq!(without_the_files(process, &file, &began), env(&[("RINGRIFT_C", "the unit's")]));
}

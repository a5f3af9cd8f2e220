//! What is generated and committed is what this source generates.
use std::collections::BTreeMap;
use std::path::Path;

fn committed(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files.map(|p| (p.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read_to_string(&p).expect("a text"))).collect()
}

#[test]
fn the_buss_policy_is_as_the_table_of_rights_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/dbus-1/system.d/org.ringrift.Master1.conf");
    let generated = ringrift::contract::rights::policy();
    if std::env::var_os("RINGRIFT_WRITE_GENERATED").is_some() {
        std::fs::write(&path, &generated).expect("writing the policy");
    }
    let committed = std::fs::read_to_string(&path).expect("the policy is shipped");
    assert_eq!(committed, generated, "run this test with RINGRIFT_WRITE_GENERATED=1");
}

#[test]
fn units_are_as_generated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("units");
    let generated: BTreeMap<String, String> = ringrift::units::generate().into_iter().map(|f| (f.name, f.text)).collect();
    if std::env::var_os("RINGRIFT_WRITE_GENERATED").is_some() {
        for (name, text) in &generated {
            std::fs::write(folder.join(name), text).expect("writing a unit");
        }
    }
    let committed = committed(&folder);
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&generated), "files in units/; run `ringrift units generate --dest units`");
    for (name, text) in &generated {
        assert_eq!(&committed[name], text, "units/{name} is stale; run `ringrift units generate --dest units`");
    }
}

//! `cargo generate`: writes what follows from the daemons' declarations into the tree.
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let done = match asked.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate"] => ringrift_dev::write(&root),
        _ => {
            eprintln!("usage: ringrift-dev generate");
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(changes) if changes.is_empty() => println!("everything is as the declarations say"),
        Ok(changes) => changes.iter().for_each(|change| println!("{change}")),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

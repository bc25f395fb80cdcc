//! Runs every input of the committed corpus once, without libFuzzer: for Miri, valgrind and machines without it.

use std::fs;
use std::path::Path;

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let chosen = std::env::args().nth(1);
    for (name, check) in flowkit_storage_fuzz::TARGETS {
        if chosen.as_deref().is_some_and(|chosen| chosen != name) {
            continue;
        }
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).expect("the corpus is beside this crate") {
            let bytes = fs::read(entry.expect("a readable entry").path()).expect("a readable input");
            check(&bytes);
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus of {name} is empty");
        println!("{name}: {inputs} inputs");
    }
}

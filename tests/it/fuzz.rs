//! Any input at all: the corpus of `fuzz/`, and changes of it, keep the properties that libFuzzer looks for exceptions to. The
//! changes are the same in each run; `make fuzz` looks further.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};

#[path = "../../fuzz/src/lib.rs"]
mod properties;

pub(crate) use properties::assert_placed;

/// A change of an input.
#[derive(Debug, Clone)]
enum Change {
    /// A byte becomes another.
    Set(Index, u8),
    /// Bytes are left out.
    Cut(Index, usize),
    /// Bytes come a second time.
    Repeat(Index, usize),
    /// A text is put in.
    Insert(Index, &'static str),
    /// What follows is that of another input.
    Splice(Index, Index, Index),
}

/// What the readers of inputs mind.
const WORDS: &[&str] = &[
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}",
    "é",
    "→",
    "🚢",
    "\u{feff}",
    "\u{2028}",
    ":",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: ",
    "!reset ",
    "!override ",
    "# ",
    "|\n",
    "~",
    "$",
    "${",
    "${A:-",
    "$$",
    "@",
    "/",
    "//",
    "..",
    "-",
    "_",
    "%",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{#",
    "|",
    " ~ ",
    "0",
    "-1",
    "65536",
    "99999999999999999999",
    "1e3",
    "1.10",
    "true",
    "null",
    "\n# over\n",
    "\n{# part.j2 #}\n",
    "unix:///d",
    "tcp://",
    "[::1]",
    "sha256:",
    "services:\n  web:\n    ",
    "hosts",
    "ports",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 1_usize..32).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), 1_usize..32).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), select(WORDS)).prop_map(|(at, word)| Change::Insert(at, word)),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

fn changed(input: &mut Vec<u8>, change: &Change, corpus: &[Vec<u8>]) {
    let place = |at: &Index, length: usize| at.index(length + 1);
    match change {
        Change::Set(at, byte) => {
            let at = place(at, input.len());
            input.splice(at..(at + 1).min(input.len()), [*byte]);
        }
        Change::Cut(at, length) => {
            let at = place(at, input.len());
            input.drain(at..(at + length).min(input.len()));
        }
        Change::Repeat(at, length) => {
            let at = place(at, input.len());
            let repeated = input[at..(at + length).min(input.len())].to_vec();
            input.splice(at..at, repeated);
        }
        Change::Insert(at, word) => {
            let at = place(at, input.len());
            input.splice(at..at, word.bytes());
        }
        Change::Splice(at, other, from) => {
            let other = other.get(corpus);
            input.truncate(place(at, input.len()));
            input.extend(&other[place(from, other.len())..]);
        }
    }
}

/// Holds a property against the corpus of a target, and against so many changes of it.
fn play(target: &str, cases: u32, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).expect("an input")).collect();
    assert!(corpus.len() >= 10, "the corpus of {target} is gone");
    for input in &corpus {
        holds(input);
    }
    let config =
        ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() };
    let inputs = (any::<Index>(), prop::collection::vec(change(), 1..6)).prop_map(|(first, changes)| {
        let mut input = first.get(&corpus).clone();
        for change in &changes {
            changed(&mut input, change, &corpus);
        }
        String::from_utf8(input).map_err(std::string::FromUtf8Error::into_bytes)
    });
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        let bytes = input.as_ref().map_or_else(Vec::as_slice, String::as_bytes);
        holds(bytes);
        Ok::<(), TestCaseError>(())
    });
    outcome.unwrap_or_else(|failure| panic!("{target}: {failure}"));
}

#[test]
fn any_manifest_gets_an_answer_and_a_sound_one_can_be_shown_and_read_again() {
    play("manifest", 3_000, properties::manifest);
}

#[test]
fn any_address_that_is_taken_is_shown_as_it_was_written() {
    play("host", 20_000, properties::host);
}

#[test]
fn any_image_reference_that_is_taken_is_complete_once_and_for_all() {
    play("image", 20_000, properties::image);
}

#[test]
fn any_template_gets_an_answer_which_is_the_same_again() {
    play("template", 3_000, properties::template);
}

//! Bad input as a catalogue: each case is an input and, word for word, what is said about it. The catalogues lie in
//! `snapshots/`; they are written anew by `INSTA_UPDATE=always cargo test --test it bad_input`.

mod arguments;
mod case;
mod files;
mod hosts;
mod layers;
mod templates;
mod values;
mod yaml;

use case::{Case, catalogue};

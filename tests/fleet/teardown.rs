//! The end of the fleet: the last test by name, so that the fleet is down before the tests are over. Should this
//! one not be asked for, or the process end early, the fleet ends with the process.

use crate::support::Fleet;
use crate::support::process::{command, command_lines, finish, holds};

#[test]
fn a_fleet_that_has_ended_leaves_nothing_on_the_machine() {
    let fleet = Fleet::start();
    let directory = fleet.file("");
    fleet.end();
    let namespaces = finish(command("ip").args(["netns", "list"]));
    let name = directory.to_string_lossy().into_owned();
    assert!(!directory.exists(), "{name} is there");
    let plot = name.trim_end_matches('/').rsplit('-').next().expect("the name ends in that of the fleet").to_owned();
    assert!(!namespaces.contains(&format!("fleet-{plot}-")), "{namespaces}");
    let interfaces = finish(command("ip").args(["-brief", "link"]));
    assert!(!interfaces.contains(&format!("fl-{plot}")), "{interfaces}");
    // With the slash: who runs these tests may well name the lock file, which lies beside the directory.
    let within = format!("{}/", name.trim_end_matches('/'));
    let left = command_lines().into_iter().filter(|line| holds(line, within.as_bytes()));
    let left: Vec<_> = left.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect();
    assert_eq!(left, Vec::<String>::new());
}

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
    assert!(!namespaces.contains("fleet-t1-"), "{namespaces}");
    let interfaces = finish(command("ip").args(["-brief", "link"]));
    assert!(!interfaces.contains("fl-t1"), "{interfaces}");
    let name = directory.to_string_lossy().into_owned();
    assert!(!directory.exists(), "{name} is there");
    // With the slash: who runs these tests may well name the lock file, which lies beside the directory.
    let within = format!("{}/", name.trim_end_matches('/'));
    let left = command_lines().into_iter().filter(|line| holds(line, within.as_bytes()));
    let left: Vec<_> = left.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect();
    assert_eq!(left, Vec::<String>::new());
}

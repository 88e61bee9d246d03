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
    let left: Vec<_> =
        command_lines().into_iter().filter(|line| holds(line, name.trim_end_matches('/').as_bytes())).collect();
    assert_eq!(left, Vec::<Vec<u8>>::new());
}

//! `hooks`.

use super::super::hooks::TIMEOUT;
use super::shape::{Shape, command, duration, either, key, level};
use crate::duration;
use crate::environment::Point;

/// `hooks`
pub(super) fn hooks() -> Shape {
    let hook = || {
        let long = level([
            key("command", "A program and its arguments, without a shell.", command()),
            key("timeout", "How long it may take.", duration()).default(duration::display(TIMEOUT)),
        ]);
        either([command(), long])
    };
    level(Point::ALL.map(|point| key(point.as_str(), described(point), hook())))
}

fn described(point: Point) -> &'static str {
    match point {
        Point::BeforePlan => "Before the hosts are looked at and images are built. If it fails, nothing is done.",
        Point::AfterPlan => "When the plan is agreed to. If it fails, no host is changed.",
        Point::BeforeBatch => "Before each batch of hosts. If it fails, the rollout fails there.",
        Point::AfterBatch => "After each batch of hosts.",
        Point::Success => "When the release is in force.",
        Point::Failure => "When it came neither to success nor to a rollback.",
        Point::Rollback => "When the fleet has gone back.",
    }
}

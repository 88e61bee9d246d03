//! Clocks. Certificates and records are judged by them.

use super::{Finding, Question, Skew};

/// Milliseconds by which clocks of machines that are kept right do not differ.
const LITTLE: i64 = 2_000;
/// From here on certificates, tokens and one-time codes are refused.
const MUCH: i64 = 60_000;

pub(super) fn judge(clock: Option<Skew>) -> Finding {
    let Some(Skew { ahead, unsure }) = clock else {
        return Finding::not_known(Question::Clock, "the engine does not tell its time");
    };
    let least = ahead.abs() - unsure;
    let sign = if ahead > -100 { '+' } else { '-' };
    let short = format!("{sign}{}.{} s", ahead.abs() / 1000, ahead.abs() % 1000 / 100);
    if least < LITTLE {
        return Finding::ok(Question::Clock, short);
    }
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let found = format!("its clock is {} s {side} the one here, give or take {} ms", ahead.abs() / 1000, unsure);
    let advice =
        "on the host: timedatectl set-ntp true (or install chrony); look at the clock here too: shipctl doctor";
    let finding = if least < MUCH { Finding::warning } else { Finding::bad };
    finding(Question::Clock, short, found, advice)
}

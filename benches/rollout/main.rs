//! What shipctl costs on top of the Docker API: a rolling deploy, a rollback and a few smaller things on a fleet
//! of real Docker hosts, each against the same work done by bare API calls in the same run. A benchmark reports;
//! it fails on nothing but being unable to measure.
//!
//! `make bench`, or `cargo bench --bench rollout`. `BENCH_HOSTS=10` for more hosts, `BENCH_RUNS=9` for more runs.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::disallowed_methods,
    reason = "it starts the fleet and the program under test, and measures real time"
)]

mod fleet;
mod floor;
mod images;
mod sample;
mod tool;

use anyhow::{Context, Result};

use fleet::Fleet;
use floor::Floor;
use images::Images;
use sample::{Row, Sample, print_table};
use tool::Tool;

/// The release that every measured one replaces, and that every rollback goes back to.
const BASE: &str = "base";

#[tokio::main]
async fn main() -> Result<()> {
    let hosts = number("BENCH_HOSTS", 3)?;
    let runs = number("BENCH_RUNS", 5)?.max(1);
    let fleet = Fleet::up(hosts)?;
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            fleet::down();
            std::process::exit(130);
        }
    });
    let rows = measure(&fleet, hosts, runs).await;
    drop(fleet);
    print_table(&format!("{hosts} hosts, one at a time; medians of {runs} (least to most)"), &rows?);
    Ok(())
}

fn number(variable: &str, default: usize) -> Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable} is not a number: {text}")),
        Err(_) => Ok(default),
    }
}

async fn measure(fleet: &Fleet, hosts: usize, runs: usize) -> Result<Vec<Row>> {
    let images = Images::new(fleet)?;
    let tool = Tool::new(fleet)?;
    let mut floor = Floor::new(fleet, images.repository())?;
    floor.lay_network().await?;

    println!("bench: building the images");
    images.publish(BASE, "slow-start:200ms")?;
    images.publish("exits", "exit")?;
    // One more than is measured: the first run of each warms caches up.
    for run in 0..=runs {
        images.publish(&format!("floor{run}"), "slow-start:200ms")?;
        images.publish(&format!("tool{run}"), "slow-start:200ms")?;
    }
    floor.deploy(BASE).await?;
    tool.deploy(BASE)?.expect(0)?;

    let [mut floor_deploy, mut tool_deploy, mut floor_rollback, mut tool_rollback] =
        [(); 4].map(|()| Sample::default());
    for run in 0..=runs {
        let turn = [
            floor.deploy(&format!("floor{run}")).await?,
            floor.rollback().await?,
            tool.deploy(&format!("tool{run}"))?.expect(0)?,
            // Releases are numbered; the first one is the base.
            tool.rollback("r1")?.expect(0)?,
        ];
        println!("bench: run {run} of {runs}: {}", turn.map(|time| format!("{:.2} s", time.as_secs_f64())).join("  "));
        if run > 0 {
            for (sample, time) in
                [&mut floor_deploy, &mut floor_rollback, &mut tool_deploy, &mut tool_rollback].into_iter().zip(turn)
            {
                sample.add(time);
            }
        }
    }

    let [mut noticed, mut back, mut unchanged, mut status, mut version] = [(); 5].map(|()| Sample::default());
    for run in 0..=runs {
        let dead = tool.deploy("exits")?;
        let exited = floor.first_failure(&dead).await?;
        if run > 0 {
            if let Some(time) = dead.noticed_after(exited) {
                noticed.add(time);
            }
            back.add(dead.ended_after(exited));
        }
        dead.expect(3)?;
    }
    for _ in 0..runs {
        unchanged.add(tool.deploy(BASE)?.expect(0)?);
        status.add(tool.status()?.expect(0)?);
    }
    for _ in 0..20 {
        version.add(tool.version()?.expect(0)?);
    }
    Ok(vec![
        Row::against(format!("new release, {hosts} hosts"), floor_deploy, tool_deploy),
        Row::against(format!("back to the release before, {hosts} hosts"), floor_rollback, tool_rollback),
        Row::alone("release that exits at once: failure reported after its exit", noticed),
        Row::alone("release that exits at once: fleet back, command ended", back),
        Row::alone("release that the fleet runs already", unchanged),
        Row::alone("status", status),
        Row::alone("--version", version),
    ])
}

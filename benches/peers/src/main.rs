//! `sealpush` beside other senders of Web Push: what one message costs each.
//!
//! Every side runs in a process of its own, so that its CPU time and its memory are its own, and
//! so does the push service. Rounds are interleaved: each round runs every side once.

mod check;
mod cost;
mod push_service;
mod report;
mod sides;
mod task;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Report;
use crate::sides::Side;
use crate::task::{Task, Work};

/// Measures sealpush beside its peers, and says which goals it meets.
///
/// Checks first that every side's messages are opened by every side that can open. Prints a table;
/// `--json` and `--chart` write the same figures to files. Ends with status 1 when a goal was
/// missed, with 2 when a side failed.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Rounds; the table shows medians and minima over them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Share of the usual number of messages: 0.1 for a quick look.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Only tasks whose name contains this: seal, request, open, send, memory, errors.
    #[arg(long, default_value = "")]
    only: String,
    /// Writes all figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draws the costs as SVG.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What the bench starts itself as.
#[derive(Subcommand)]
#[command(hide = true)]
enum Child {
    /// The push service.
    Serve,
    /// One side at one task; the work is JSON on standard input.
    Side { side: Side },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Serve) => push_service::serve(),
        Some(Child::Side { side }) => println!("{}", side.run(&Work::from_stdin())),
        None => return compare(&arguments),
    }
    ExitCode::SUCCESS
}

fn compare(arguments: &Arguments) -> ExitCode {
    let (service, place) = push_service::start();
    let sides = Side::ready();
    if let Err(fault) = check::all_open_each_other(&sides, &place) {
        eprintln!("{fault}");
        return ExitCode::from(2);
    }

    let mut report = Report::new(&sides);
    let tasks: Vec<_> = Task::ALL.iter().filter(|t| t.name().contains(&arguments.only)).collect();
    let runs = arguments.rounds * tasks.iter().map(|task| task.sides(&sides).len()).sum::<usize>();
    let bar = report::progress(runs as u64);
    for _ in 0..arguments.rounds {
        for &&task in &tasks {
            for side in task.sides(&sides) {
                bar.set_message(format!("{} {}", task.name(), side.name()));
                let work = Work::new(task, side, &place, arguments.scale);
                match side.start(&work) {
                    Ok(cost) => report.add(task, side, cost),
                    Err(fault) => {
                        eprintln!("{} at {}: {fault}", side.name(), task.name());
                        return ExitCode::from(2);
                    }
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    drop(service);

    print!("{}", report.table());
    let goals = report.goals();
    print!("{goals}");
    if let Some(file) = &arguments.json {
        std::fs::write(file, report.json(&goals)).expect("the file can be written");
    }
    if let Some(file) = &arguments.chart {
        std::fs::write(file, report.chart()).expect("the file can be written");
    }
    if goals.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! The figures of all rounds, as a table, as JSON, as a chart, and against the goals.

mod chart;
mod goals;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

pub use self::goals::Goals;
use crate::cost::Cost;
use crate::sides::Side;
use crate::task::Task;

/// All costs, by task and side, a round each.
pub struct Report {
    sides: Vec<Side>,
    costs: BTreeMap<(Task, Side), Vec<Cost>>,
}

impl Report {
    pub fn new(sides: &[Side]) -> Self {
        Self { sides: sides.to_vec(), costs: BTreeMap::new() }
    }

    pub fn add(&mut self, task: Task, side: Side, cost: Cost) {
        self.costs.entry((task, side)).or_default().push(cost);
    }

    /// The median over the rounds, where the side did the task.
    pub fn median(&self, task: Task, side: Side, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let mut values: Vec<f64> = self.costs.get(&(task, side))?.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    fn least(&self, task: Task, side: Side, of: impl Fn(&Cost) -> f64) -> f64 {
        self.costs[&(task, side)].iter().map(of).fold(f64::INFINITY, f64::min)
    }

    /// A row for each task and side; CPU time as a multiple of sealpush's.
    pub fn table(&self) -> String {
        let mut table = setting();
        for &task in &Task::ALL {
            let rows: Vec<_> =
                self.sides.iter().filter(|&&s| self.costs.contains_key(&(task, s))).collect();
            if rows.is_empty() {
                continue;
            }
            let ours = self.median(task, Side::Sealpush, |cost| cost.cpu);
            let _ = writeln!(
                table,
                "\n{:<34} {:>9} {:>9} {:>8} {:>10} {:>9} {:>7}",
                task.name(),
                "CPU µs",
                "least",
                "times",
                "messages/s",
                "peak MiB",
                "failed"
            );
            for &&side in &rows {
                let cpu = self.median(task, side, |cost| cost.cpu).unwrap_or_default();
                let times = ours.map_or(String::new(), |ours| format!("{:.2}", cpu / ours));
                let _ = writeln!(
                    table,
                    "{:<34} {:>9.1} {:>9.1} {:>8} {:>10.0} {:>9.1} {:>7}",
                    side.name(),
                    cpu,
                    self.least(task, side, |cost| cost.cpu),
                    times,
                    self.median(task, side, |cost| cost.rate).unwrap_or_default(),
                    self.median(task, side, |cost| cost.peak).unwrap_or_default(),
                    self.median(task, side, |cost| cost.failed as f64).unwrap_or_default(),
                );
            }
        }
        table
    }

    pub fn goals(&self) -> Goals {
        Goals::of(self)
    }

    pub fn json(&self, goals: &Goals) -> String {
        #[derive(Serialize)]
        struct Row<'a> {
            task: &'static str,
            side: &'static str,
            rounds: &'a [Cost],
        }
        let rows: Vec<_> = self
            .costs
            .iter()
            .map(|((task, side), rounds)| Row { task: task.name(), side: side.name(), rounds })
            .collect();
        let all = serde_json::json!({ "setting": setting(), "costs": rows, "goals": goals });
        serde_json::to_string_pretty(&all).expect("it is plain data")
    }

    pub fn chart(&self) -> String {
        chart::draw(self)
    }
}

/// A bar on a terminal, nothing elsewhere.
pub fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    ProgressBar::new(runs).with_style(style.expect("the template is good"))
}

/// Versions, processor and load: what a figure is worth.
fn setting() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name\t: "));
    let load = read("/proc/loadavg");
    let mut text = format!(
        "{} processors ({}), load {}\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        processor.unwrap_or("unknown"),
        load.split(' ').next().unwrap_or_default(),
    );
    let crates =
        ["sealpush", "aws-lc-rs", "ece", "h2", "hyper", "openssl", "web-push", "web-push-native"];
    let versions = crates.map(|name| locked(include_str!("../../Cargo.lock"), name));
    let _ = writeln!(text, "{}", versions.join(", "));
    let python =
        include_str!("../../python/requirements.txt").replace("==", " ").replace('\n', ", ");
    let node = include_str!("../../node/package.json");
    let node = node.lines().find_map(|line| line.trim().strip_prefix("\"dependencies\":"));
    let _ = writeln!(text, "{}npm {}", python, node.unwrap_or_default().trim());
    text
}

fn locked(lock: &str, name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let versions: Vec<_> =
        lock.split(&entry).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    format!("{name} {}", versions.join(" and "))
}

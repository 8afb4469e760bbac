//! What a piece of work costs: CPU time and memory, from Linux's `/proc`.
//!
//! Wall time says little on a shared machine, and the system calls for the other one need unsafe
//! code.

#![allow(dead_code, reason = "each bench uses a part")]

use std::fs;
use std::time::Duration;

/// CPU time of the calling thread so far.
pub(crate) fn thread_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// CPU time of the process so far, in steps of 10 ms.
pub(crate) fn process_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The second field is the program's name, in parentheses, and may hold anything.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(10 * ticks)
}

/// Most memory that the process held so far, in MiB.
pub(crate) fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Versions, processors and load: what a figure is worth.
pub(crate) fn print_setting(crates: &[&str]) {
    let crates = ["sealpush"].iter().chain(crates);
    println!("{}", crates.map(|name| version(name)).collect::<Vec<_>>().join(", "));
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let load = load.split(' ').next().unwrap();
    let processors = std::thread::available_parallelism().unwrap();
    println!("{processors} processors, load {load}");
}

fn version(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split(&entry).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    format!("{name} {version}")
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

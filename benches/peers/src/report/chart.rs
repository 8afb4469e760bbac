//! CPU time of one send, side by side, as SVG without a library.

use std::fmt::Write;

use super::Report;
use crate::sides::Side;
use crate::task::Task;

pub(super) fn draw(report: &Report) -> String {
    let bars: Vec<(Side, f64)> = report
        .sides
        .iter()
        .filter_map(|&side| Some((side, report.median(Task::Send, side, |cost| cost.cpu)?)))
        .collect();
    let most = bars.iter().map(|(_, cpu)| *cpu).fold(1.0, f64::max);
    let height = TOP + bars.len() * ROW + 8;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>CPU time of one sealed message sent over TLS, in microseconds</title>\n\
         <style>text{{fill:#24292f}}.ours{{fill:#1a7f64}}.theirs{{fill:#8c959f}}\
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.ours{{fill:#3fb68b}}\
         .theirs{{fill:#6e7681}}}}</style>\n\
         <text x=\"8\" y=\"20\" font-weight=\"600\">CPU µs for one send over TLS</text>\n"
    );
    for (row, (side, cpu)) in bars.iter().enumerate() {
        let y = TOP + row * ROW;
        let class = if *side == Side::Sealpush { "ours" } else { "theirs" };
        let length = cpu / most * (WIDTH - NAMES - 70) as f64;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\">{}</text><rect class=\"{class}\" x=\"{NAMES}\" y=\"{y}\" \
             width=\"{length:.1}\" height=\"{}\" rx=\"3\"/><text x=\"{:.1}\" y=\"{}\">{cpu:.0}</text>",
            y + 14,
            side.name(),
            ROW - 6,
            NAMES as f64 + length + 6.0,
            y + 14,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

const WIDTH: usize = 760;
const NAMES: usize = 250;
const TOP: usize = 34;
const ROW: usize = 26;

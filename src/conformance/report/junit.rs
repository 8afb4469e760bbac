//! A report in the XML that JUnit began and continuous integration reads.

use std::fmt::{self, Write as _};

use super::{Finding, Report, Verdict};

pub(super) fn write(report: &Report) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a `String` does not fail.
    let _ = suite(report, &mut xml);
    xml
}

fn suite(report: &Report, xml: &mut String) -> fmt::Result {
    let name = escape(&report.provider);
    let (all, broken, skipped) = (report.findings.len(), report.broken(), report.skipped());
    writeln!(
        xml,
        "<testsuite name=\"{name}\" tests=\"{all}\" failures=\"{broken}\" skipped=\"{skipped}\">"
    )?;
    for finding in &report.findings {
        case(&name, finding, xml)?;
    }
    writeln!(xml, "</testsuite>")
}

fn case(provider: &str, finding: &Finding, xml: &mut String) -> fmt::Result {
    let (promise, reason) = (escape(finding.promise.promise), escape(finding.reason));
    writeln!(
        xml,
        "  <testcase classname=\"{provider}.{}\" name=\"{}\">",
        finding.group, finding.name
    )?;
    match &finding.verdict {
        Verdict::Failed(saw) => writeln!(
            xml,
            "    <failure message=\"{}\">promise: {promise}; because: {reason}</failure>",
            escape(saw)
        )?,
        Verdict::Passed => {}
        Verdict::Skipped(why) => writeln!(xml, "    <skipped message=\"{}\"/>", escape(why))?,
    }
    writeln!(xml, "    <system-out>promise: {promise}; because: {reason}</system-out>")?;
    writeln!(xml, "  </testcase>")
}

/// Text as an attribute or an element holds it. XML 1.0 has no way to write most control
/// characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::report::Promise;

    #[test]
    fn a_report_is_xml_whatever_was_seen() {
        let promise =
            Promise { name: "one", group: "time", promise: "`Ok` < 1 s", reason: "a & b" };
        let finding = |verdict| Finding { promise, verdict };
        let report = Report::new(
            "bell".to_owned(),
            vec![
                finding(Verdict::Failed("\"<\u{1b}>\" &".to_owned())),
                finding(Verdict::Passed),
                finding(Verdict::Skipped("no <HTTP>".to_owned())),
            ],
        );
        let xml = report.to_junit_xml();
        for part in [
            "<testsuite name=\"bell\" tests=\"3\" failures=\"1\" skipped=\"1\">",
            "<testcase classname=\"bell.time\" name=\"one\">",
            "<failure message=\"&quot;&lt;\u{fffd}&gt;&quot; &amp;\">",
            "<skipped message=\"no &lt;HTTP&gt;\"/>",
            "promise: `Ok` &lt; 1 s; because: a &amp; b",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
    }
}

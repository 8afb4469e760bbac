//! What the checks found, to read and to keep.

mod junit;

use std::fmt;

use serde::{Deserialize, Serialize};

/// One promise of [`PushProvider`](crate::PushProvider).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Promise {
    /// The name of its check, which is also that of its test in
    /// [`conformance_tests!`](crate::conformance_tests).
    pub name: &'static str,
    /// What it is about, such as `secrecy`.
    pub group: &'static str,
    /// What a provider promises.
    pub promise: &'static str,
    /// Why it matters.
    pub reason: &'static str,
}

/// A promise and what became of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The promise. Its members are also those of the finding.
    #[serde(flatten)]
    pub promise: Promise,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl std::ops::Deref for Finding {
    type Target = Promise;

    fn deref(&self) -> &Promise {
        &self.promise
    }
}

/// What became of a promise.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "verdict", content = "saw")]
pub enum Verdict {
    /// It was broken: what was seen, without a secret.
    Failed(String),
    /// It was kept.
    Passed,
    /// It cannot be asked of this provider: why.
    Skipped(String),
}

/// The findings of a run. `Display` is a table for people, whose last line says how much was
/// proven.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    provider: String,
    required: usize,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(provider: String, findings: Vec<Finding>) -> Self {
        Self { provider, required: 0, findings }
    }

    /// Demands that at least so many promises were kept: a harness that says little skips much.
    ///
    /// ```
    /// # fn example(harness: impl sealpush::conformance::Harness) {
    /// let report = sealpush::conformance::run(harness).require(150);
    /// assert!(report.is_ok(), "{report}");
    /// # }
    /// ```
    #[must_use]
    pub fn require(mut self, kept: usize) -> Self {
        self.required = kept;
        self
    }

    /// Whether no promise was broken, and as many were kept as [`require`](Self::require) demands.
    /// Skipped ones are not broken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none() && self.kept() >= self.required
    }

    /// How many promises were kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    /// All findings, group by group.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The broken promises.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Failed(_)))
    }

    /// The report as a JSON object: `provider`, `required`, and `findings` with the members of
    /// [`Promise`], whose `verdict` is `passed`, `skipped` or `failed` and whose `saw` says why.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("text and enums serialize")
    }

    /// The report as JUnit XML, which continuous integration shows: one test case for each promise
    /// with its reason, and what was seen.
    #[must_use]
    pub fn to_junit_xml(&self) -> String {
        junit::write(self)
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.findings.iter().filter(|finding| is(&finding.verdict)).count()
    }

    fn broken(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    fn skipped(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "provider '{}'", self.provider)?;
        let mut group = "";
        for finding in &self.findings {
            if finding.group != group {
                group = finding.group;
                writeln!(f, "\n{group}")?;
            }
            finding.fmt(f)?;
            writeln!(f)?;
        }
        let (all, kept) = (self.findings.len(), self.kept());
        write!(
            f,
            "\n{} of {all} promises proven ({} %): {kept} kept, {} broken, {} skipped",
            kept,
            (kept * 100).checked_div(all).unwrap_or_default(),
            self.broken(),
            self.skipped(),
        )?;
        if kept < self.required {
            write!(f, "; {} are required", self.required)?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Promise { name, promise, reason, .. } = self.promise;
        match &self.verdict {
            Verdict::Failed(saw) => write!(
                f,
                "  FAIL     {name}\n           promise: {promise}\n           because: {reason}\n           \
                 saw:     {saw}",
            ),
            Verdict::Passed => write!(f, "  passed   {name}: {promise}"),
            Verdict::Skipped(why) => {
                write!(f, "  skipped  {name}: {promise}\n           skipped: {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let finding = |name, verdict| Finding {
            promise: Promise { name, group: "time", promise: "it ends", reason: "slots" },
            verdict,
        };
        Report::new(
            "bell".to_owned(),
            vec![
                finding("one", Verdict::Passed),
                finding("two", Verdict::Failed("a \"<\u{1b}>\" & more".to_owned())),
                finding("three", Verdict::Skipped("speaks no HTTP".to_owned())),
            ],
        )
    }

    #[test]
    fn a_report_is_a_table_with_names_and_reasons() {
        let shown = report().require(2).to_string();
        for part in ["passed   one: it ends", "FAIL     two", "because: slots", "speaks no HTTP"] {
            assert!(shown.contains(part), "{shown}");
        }
        let last = "1 of 3 promises proven (33 %): 1 kept, 1 broken, 1 skipped; 2 are required";
        assert_eq!(shown.lines().last(), Some(last));
    }

    #[test]
    fn a_report_that_proves_too_little_is_not_ok() {
        let mut report = report();
        report.findings.remove(1);
        assert!(report.clone().require(1).is_ok() && !report.require(2).is_ok());
    }

    #[test]
    fn a_report_is_json() {
        let json: serde_json::Value = serde_json::from_str(&report().to_json()).unwrap();
        assert_eq!(json["provider"], "bell");
        assert_eq!(json["findings"][2]["name"], "three");
        assert_eq!(json["findings"][2]["verdict"], "skipped");
        assert_eq!(json["findings"][2]["saw"], "speaks no HTTP");
    }
}

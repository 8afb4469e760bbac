//! What the checks found, to read and to keep.

use std::fmt;

use serde::Serialize;

/// One promise of [`PushProvider`](crate::PushProvider) and what became of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The check's name, which is also that of its test in
    /// [`conformance_tests!`](crate::conformance_tests).
    pub name: &'static str,
    /// What it is about, such as `secrecy`.
    pub group: &'static str,
    /// What a provider promises.
    pub promise: &'static str,
    /// Why it matters.
    pub reason: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of a promise.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "verdict", content = "saw")]
pub enum Verdict {
    /// It was broken: what was seen, without a secret.
    Failed(String),
    /// It was kept.
    Passed,
    /// It cannot be asked of this provider: why.
    Skipped(String),
}

/// The findings of a run. `Display` is a table for people.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    provider: String,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(provider: String, findings: Vec<Finding>) -> Self {
        Self { provider, findings }
    }

    /// Whether no promise was broken. Skipped ones are not broken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
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

    /// The report as a JSON object: `provider`, and `findings` with the members of [`Finding`],
    /// whose `verdict` is `passed`, `skipped` or `failed` and whose `saw` says why.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("text and enums serialize")
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.findings.iter().filter(|finding| is(&finding.verdict)).count()
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
        write!(
            f,
            "\n{} promises: {} kept, {} broken, {} skipped",
            self.findings.len(),
            self.count(|verdict| *verdict == Verdict::Passed),
            self.count(|verdict| matches!(verdict, Verdict::Failed(_))),
            self.count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Failed(saw) => write!(
                f,
                "  FAIL     {}\n           promise: {}\n           because: {}\n           saw:     \
                 {saw}",
                self.name, self.promise, self.reason,
            ),
            Verdict::Passed => write!(f, "  passed   {}", self.promise),
            Verdict::Skipped(why) => write!(f, "  skipped  {}: {why}", self.promise),
        }
    }
}

//! Topics, and conditions on them such as `'a' in topics && !('b' in topics)`.

use std::collections::BTreeSet;

use super::message::is_plain;

/// Which topics a device must have subscribed to.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Topic(String),
}

impl Condition {
    pub(super) fn of_topic(topic: &str) -> Self {
        Self::Topic(topic.to_owned())
    }

    /// Reads a condition of at most [`MAX_TOPICS`] topics.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text, topics: 0, depth: 0 };
        let condition = reader.any()?;
        (reader.rest.trim().is_empty() && reader.topics <= MAX_TOPICS).then_some(condition)
    }

    pub(super) fn holds(&self, topics: &BTreeSet<String>) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(topics)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(topics)),
            Self::Not(condition) => !condition.holds(topics),
            Self::Topic(topic) => topics.contains(topic),
        }
    }
}

pub(super) fn is_topic(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

struct Reader<'a> {
    rest: &'a str,
    topics: usize,
    depth: usize,
}

impl Reader<'_> {
    fn any(&mut self) -> Option<Condition> {
        let mut conditions = vec![self.all()?];
        while self.takes("||") {
            conditions.push(self.all()?);
        }
        Some(Condition::Any(conditions))
    }

    fn all(&mut self) -> Option<Condition> {
        let mut conditions = vec![self.one()?];
        while self.takes("&&") {
            conditions.push(self.one()?);
        }
        Some(Condition::All(conditions))
    }

    fn one(&mut self) -> Option<Condition> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let condition = if self.takes("!") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let condition = self.any()?;
            self.takes(")").then_some(condition)?
        } else {
            let quote = ["'", "\""].into_iter().find(|quote| self.takes(quote))?;
            let (topic, rest) = self.rest.split_once(quote)?;
            self.rest = rest;
            self.topics += 1;
            (self.takes("in") && self.takes("topics") && is_topic(topic)).then_some(())?;
            Condition::of_topic(topic)
        };
        self.depth -= 1;
        Some(condition)
    }

    fn takes(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

const MAX_TOPICS: usize = 5;
/// Longest name of a topic, in octets.
const MAX_NAME: usize = 900;
/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_for_those_whose_topics_it_names() {
        let topics: BTreeSet<_> = ["a", "b"].map(str::to_owned).into();
        for (text, holds) in [
            ("'a' in topics", true),
            ("'c' in topics", false),
            ("'a' in topics && 'b' in topics", true),
            ("'a' in topics && ('c' in topics || 'b' in topics)", true),
            ("'c' in topics || 'a' in topics && 'c' in topics", false),
            ("!('c' in topics)", true),
            ("!('a' in topics)&&'b' in topics", false),
        ] {
            assert_eq!(Condition::read(text).unwrap().holds(&topics), holds, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let six = ["'a' in topics"; 6].join(" && ");
        let deep = format!("{}'a' in topics{}", "(".repeat(5_000), ")".repeat(5_000));
        for text in [
            "",
            "a in topics",
            "'a' in topic",
            "'a in topics",
            "'a' in topics &&",
            "'a' in topics & 'b' in topics",
            "('a' in topics",
            "'a' in topics)",
            "'a b' in topics",
            &six,
            &deep,
        ] {
            assert!(Condition::read(text).is_none(), "{text:.40}");
        }
    }
}

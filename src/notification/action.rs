use std::fmt;

use super::json::{Members, Text};
use super::link::Link;

/// A button of a notification.
#[derive(Clone, PartialEq)]
pub struct Action {
    pub(super) action: Text,
    pub(super) title: Text,
    pub(super) navigate: Link,
    pub(super) icon: Option<Link>,
    pub(super) more: Members,
}

impl Action {
    /// A button: the name by which the app knows it, the text on it, and the page that it opens.
    pub fn new(action: impl Into<String>, title: impl Into<String>, navigate: Link) -> Self {
        Self {
            action: Text::new(action.into()),
            title: Text::new(title.into()),
            navigate,
            icon: None,
            more: Members::default(),
        }
    }

    /// A small picture on the button.
    #[must_use]
    pub fn with_icon(mut self, icon: Link) -> Self {
        self.icon = Some(icon);
        self
    }

    /// The name by which the app knows it.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The text on it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The page that it opens.
    #[must_use]
    pub fn navigate(&self) -> &Link {
        &self.navigate
    }

    /// See [`with_icon`](Self::with_icon).
    #[must_use]
    pub fn icon(&self) -> Option<&Link> {
        self.icon.as_ref()
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Action([redacted])")
    }
}

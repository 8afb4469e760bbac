//! Which way a notification's texts run.

/// The direction of a notification's texts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// As the language has it.
    Auto,
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

impl Direction {
    pub(super) const ALL: [Self; 3] = [Self::Auto, Self::Ltr, Self::Rtl];

    /// The name in the Notifications API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

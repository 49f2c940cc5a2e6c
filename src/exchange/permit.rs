//! The right of one request to go on, in a file of its own so that whoever makes
//! one has to say why.

/// The right of one request to go on. The shell continues a request only by
/// consuming one.
#[derive(Debug)]
#[must_use = "a request goes on by its permit alone"]
pub struct Permit(());

impl Permit {
    /// For a request that was judged, and may go on.
    pub(super) const fn judged() -> Self {
        Self(())
    }

    /// For a request that carries no message, or is exempt from judgement.
    pub(super) const fn unjudged() -> Self {
        Self(())
    }
}

//! The target of a call, which its approval binds, and the endpoint's own paths.

use crate::policy::document::RequestPath;

/// The most bytes of a route's name, and of host and path together, that an approver
/// is shown.
pub(super) const LONGEST: usize = 2_048;

/// The target of a call as the client addressed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Envoy's name of the route, empty where it has none, or until it is asked for.
    pub route: String,
    /// The host.
    pub authority: String,
    /// The path with its query.
    pub path: String,
}

impl Target {
    /// A target that can be shown whole. One that is not text or too long cannot be
    /// approved.
    pub fn new(authority: &[u8], path: &[u8]) -> Option<Self> {
        let authority = text(authority)?.to_ascii_lowercase();
        Some(Self { route: String::new(), authority, path: text(path)? })
    }

    /// The same target by this route, under the same terms.
    pub fn by(&self, route: &[u8]) -> Option<Self> {
        Some(Self { route: text(route)?, ..self.clone() })
    }

    /// The bytes that are kept until the body is there.
    pub fn size(&self) -> usize {
        let Self { route, authority, path } = self;
        size_of::<Self>()
            .saturating_add(route.len())
            .saturating_add(authority.len())
            .saturating_add(path.len())
    }
}

/// A part of a target that can be shown whole.
fn text(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    (text.len() <= LONGEST).then(|| text.to_owned())
}

/// The part of a request target behind the endpoint's path, if it is at that path or
/// below.
pub(super) fn is_below<'t>(endpoint: &RequestPath, target: &'t [u8]) -> Option<&'t [u8]> {
    let rest = target.strip_prefix(endpoint.as_str().as_bytes())?;
    matches!(rest.first(), None | Some(b'/' | b'?' | b'#')).then_some(rest)
}

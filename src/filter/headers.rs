//! The ABI's serialisation of header maps: the number of pairs, the lengths of
//! each name and value, then the bytes of each, ended by a NUL. Numbers are
//! 32-bit and little-endian.

/// A header map as the host handed it over.
#[derive(Debug)]
pub(super) struct Headers(Vec<u8>);

impl Headers {
    /// A header map, if every length in it fits.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let headers = Self(bytes);
        let (lengths, mut data) = headers.parts()?;
        for (name, value) in lengths.iter().map(self::lengths) {
            let (_, rest) = data.split_at_checked(name)?;
            let (_, rest) = rest.split_first()?;
            let (_, rest) = rest.split_at_checked(value)?;
            let (_, rest) = rest.split_first()?;
            data = rest;
        }
        Some(headers)
    }

    /// The pairs, in the order in which they came.
    pub(super) fn iter(&self) -> Pairs<'_> {
        let (lengths, data) = self.parts().unwrap_or_default();
        Pairs { lengths, data }
    }

    /// The lengths of each pair, and the bytes that they are of.
    fn parts(&self) -> Option<(&[[u8; 8]], &[u8])> {
        if self.0.is_empty() {
            return Some((&[], &[]));
        }
        let (count, rest) = self.0.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (lengths, data) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some((lengths.as_chunks().0, data))
    }
}

/// The pairs of a map that are still to come: a type of its own, since each request
/// passes over its headers several times, and a chain of iterators is three times the
/// code.
#[derive(Clone)]
pub(super) struct Pairs<'h> {
    lengths: &'h [[u8; 8]],
    data: &'h [u8],
}

impl<'h> Iterator for Pairs<'h> {
    type Item = (&'h [u8], &'h [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (first, others) = self.lengths.split_first()?;
        let (name, value) = lengths(first);
        let (name, rest) = self.data.split_at_checked(name)?;
        let (value, rest) = rest.get(1..)?.split_at_checked(value)?;
        self.data = rest.get(1..)?;
        self.lengths = others;
        Some((name, value))
    }
}

fn lengths(pair: &[u8; 8]) -> (usize, usize) {
    let number = |bytes: [u8; 4]| u32::from_le_bytes(bytes).try_into().unwrap_or(usize::MAX);
    let [a, b, c, d, e, f, g, h] = *pair;
    (number([a, b, c, d]), number([e, f, g, h]))
}

/// Serialises headers for the host.
pub(super) fn serialise(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut number = |number: usize| {
        bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    };
    number(headers.len());
    for (name, value) in headers {
        number(name.len());
        number(value.len());
    }
    for (name, value) in headers {
        for part in [name, value] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_serialised_is_read_back() {
        let pairs = [(":path", "/mcp"), ("empty", ""), ("accept", "a"), ("accept", "b")];
        let headers = Headers::parse(serialise(&pairs)).unwrap();
        let read: Vec<_> = headers.iter().collect();
        assert_eq!(read, pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        assert_eq!(Headers::parse(Vec::new()).unwrap().iter().count(), 0);
        assert_eq!(Headers::parse(serialise(&[])).unwrap().iter().count(), 0);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let bytes = serialise(&[("name", "value")]);
        for end in 1..bytes.len() {
            assert!(Headers::parse(bytes[..end].to_vec()).is_none(), "{end}");
        }
        let mut huge = bytes;
        huge[4..8].copy_from_slice(&[0xff; 4]);
        assert!(Headers::parse(huge).is_none());
        assert!(Headers::parse(vec![0xff; 64]).is_none());
    }
}

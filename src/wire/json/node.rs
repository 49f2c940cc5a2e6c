//! A value as a tree, for what has to be sorted or looked at in another order than that of
//! the text. The tree copies escaped texts alone.

use super::canonical::Canonical;
use super::error::JsonError;
use super::raw::Kind;
use super::reader::Reader;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// A JSON value. Numbers keep their spelling, objects their duplicate keys.
#[derive(Debug)]
pub enum Node<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as spelt.
    Number(Cow<'a, str>),
    /// A text, as decoded.
    String(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// An object, in its order.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads the next value, as deep as the reader goes.
    ///
    /// # Errors
    /// The text is not JSON here, or nested too deeply.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        match reader.peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                reader.object(|reader, key, _| {
                    members.push((key.decode(), Self::read(reader)?));
                    Ok(())
                })?;
                Ok(Self::Object(members))
            }
            Some(b'[') => {
                let mut elements = Vec::new();
                reader.array(|reader| {
                    elements.push(Self::read(reader)?);
                    Ok(())
                })?;
                Ok(Self::List(elements))
            }
            _ => {
                let raw = reader.value()?;
                Ok(match raw.kind {
                    Kind::Bool(value) => Self::Bool(value),
                    Kind::Number => Self::Number(Cow::Borrowed(raw.text)),
                    Kind::String(text) => Self::String(text.decode()),
                    // Lists and objects were read above.
                    Kind::Null | Kind::Array | Kind::Object => Self::Null,
                })
            }
        }
    }

    /// The SHA-256 of the value in its canonical form.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.write(&mut Canonical::new(&mut |piece| hasher.update(piece)));
        hasher.finalize().into()
    }

    fn write(&self, form: &mut Canonical<'_>) {
        match self {
            Self::Null => form.null(),
            Self::Bool(value) => form.boolean(*value),
            Self::Number(text) => form.number(text),
            Self::String(text) => form.text(text),
            Self::List(elements) => form.list(elements, |form, node| node.write(form)),
            Self::Object(members) => {
                let members: Vec<_> = members.iter().map(|(key, node)| (&**key, node)).collect();
                form.object(&members, |form, node| node.write(form));
            }
        }
    }
}

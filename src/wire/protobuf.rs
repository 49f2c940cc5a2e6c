//! Protobuf's wire format, for the few messages of it that the filter reads and writes.
//!
//! It is read strictly: a message that is cut, a group, and a number that is not in its
//! shortest form are errors. Which fields a message has is the caller's to say.

/// A reason why bytes are not a message.
pub type Fault = &'static str;

const ENDS: Fault = "a field ends before its length";
const LONG: Fault = "a length or a tag is not in its shortest form";
const GROUP: Fault = "a field has a wire type that is no longer used";
const NO_NUMBER: Fault = "a field has the number 0";

/// The payload of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload<'a> {
    /// Wire type 0.
    Number(u64),
    /// Wire type 1.
    Double(f64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5: four bytes, in which none of the messages has anything.
    Word,
}

/// The fields of a message, with their numbers. It ends at the first fault.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of a message.
    pub const fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn field(&mut self) -> Result<(u64, Payload<'a>), Fault> {
        let tag = self.varint()?;
        let payload = match tag & 7 {
            0 => Payload::Number(self.varint()?),
            1 => match self.take(8)?.try_into() {
                Ok(bytes) => Payload::Double(f64::from_le_bytes(bytes)),
                Err(_) => return Err(ENDS),
            },
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                Payload::Word
            }
            _ => return Err(GROUP),
        };
        match tag >> 3 {
            0 => Err(NO_NUMBER),
            number => Ok((number, payload)),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ENDS)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number in its shortest form: every writer has that one.
    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(ENDS)?;
            self.0 = rest;
            let digit = u64::from(byte & 0x7f);
            let moved = digit.wrapping_shl(shift);
            if moved.wrapping_shr(shift) != digit {
                break;
            }
            value |= moved;
            if byte & 0x80 == 0 {
                if digit == 0 && shift > 0 {
                    break;
                }
                return Ok(value);
            }
        }
        Err(LONG)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Payload<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Writes a field that is a number.
pub fn write_number(message: &mut Vec<u8>, field: u8, value: u64) {
    write_varint(message, u64::from(field) << 3);
    write_varint(message, value);
}

/// Writes a field that is a text or another message.
pub fn write_bytes(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    write_varint(message, u64::from(field) << 3 | 2);
    write_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn write_varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let digit = value.to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            message.push(digit & 0x7f);
            return;
        }
        message.push(digit | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn fields_are_read_as_they_were_written() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut message = Vec::new();
            write_number(&mut message, 3, value);
            write_bytes(&mut message, 15, b"inner");
            write_bytes(&mut message, 16, &[7; 200]);
            let fields: Result<Vec<_>, _> = Fields::new(&message).collect();
            assert_eq!(
                fields.unwrap(),
                [
                    (3, Payload::Number(value)),
                    (15, Payload::Bytes(b"inner")),
                    (16, Payload::Bytes(&[7; 200])),
                ]
            );
            // However it is cut, it is not the same.
            for end in 0..message.len() {
                let cut: Result<Vec<_>, _> = Fields::new(&message[..end]).collect();
                assert!(cut.is_err() || cut.is_ok_and(|fields| fields.len() < 3), "{end}");
            }
        }
    }

    #[test]
    fn numbers_have_one_form_and_fields_a_number_and_a_type() {
        let fault = |bytes: &[u8]| Fields::new(bytes).find_map(Result::err);
        assert_eq!(fault(&[0x08, 0x81, 0x00]), Some(LONG));
        assert_eq!(fault(&[0x88, 0x00, 0x01]), Some(LONG));
        assert_eq!(fault(&[&[0x08][..], &[0xff; 9], &[0x01]].concat()), None);
        assert_eq!(fault(&[&[0x08][..], &[0xff; 9], &[0x02]].concat()), Some(LONG));
        assert_eq!(fault(&[&[0x08][..], &[0xff; 10], &[0x01]].concat()), Some(LONG));
        for kind in [3, 4, 6, 7] {
            assert_eq!(fault(&[0x08 | kind, 0]), Some(GROUP));
        }
        for kind in [0, 2] {
            assert_eq!(fault(&[kind, 0]), Some(NO_NUMBER));
        }
        assert_eq!(fault(&[0x0d, 0, 0, 0, 0, 0x09, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(fault(&[0x0d, 0, 0, 0]), Some(ENDS));
        assert_eq!(fault(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), Some(ENDS));
    }
}

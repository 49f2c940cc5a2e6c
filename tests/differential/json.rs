//! JSON that no library would write: keys given twice, raw text anywhere.

use crate::dice::Dice;

/// A value. Keys and texts are what is written, without any escaping.
#[derive(Clone, Debug)]
pub enum Json {
    /// Written as it is.
    Raw(String),
    Array(Vec<Json>),
    Object(Fields),
}

pub type Fields = Vec<(String, Json)>;

/// A string of these characters, which are not escaped.
pub fn text(text: &str) -> Json {
    Json::Raw(format!("\"{text}\""))
}

pub fn raw(text: &str) -> Json {
    Json::Raw(text.to_owned())
}

pub fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    Json::Object(fields.map(|(key, value)| (key.to_owned(), value)).into())
}

/// A call of `tool` whose run can be told from all others by `name`.
pub fn call(tool: &str, name: &str) -> Json {
    object([
        ("jsonrpc", text("2.0")),
        ("id", raw("1")),
        ("method", text("tools/call")),
        ("params", object([("name", text(tool)), ("arguments", object([("run", text(name))]))])),
    ])
}

/// Gives the first of the fields with that key another value.
pub fn set(fields: Option<&mut Fields>, key: &str, value: Json) {
    let mut fields = fields.into_iter().flatten();
    if let Some(field) = fields.find(|field| field.0 == key) {
        field.1 = value;
    }
}

impl Json {
    /// The fields of the message itself.
    pub fn envelope(&mut self) -> Option<&mut Fields> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The fields of its parameters: the first object in it.
    pub fn params(&mut self) -> Option<&mut Fields> {
        self.envelope()?.iter_mut().find_map(|(_, value)| value.envelope())
    }

    /// As compact as it gets.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut || "", &mut out);
        out
    }

    /// With white space wherever there may be some.
    pub fn loose(&self, dice: &mut Dice) -> String {
        let mut out = String::new();
        self.write(&mut || dice.pick(&["", "", " ", "\n  ", "\t", "\r\n"]), &mut out);
        out
    }

    fn write(&self, gap: &mut dyn FnMut() -> &'static str, out: &mut String) {
        let (open, close) = match self {
            Self::Raw(text) => return out.push_str(text),
            Self::Array(_) => ('[', ']'),
            Self::Object(_) => ('{', '}'),
        };
        out.push_str(gap());
        out.push(open);
        let mut separator = "";
        let mut element = |key: Option<&str>, value: &Self| {
            *out += separator;
            *out += gap();
            if let Some(key) = key {
                *out += &format!("\"{key}\"{}:", gap());
                *out += gap();
            }
            value.write(gap, out);
            *out += gap();
            separator = ",";
        };
        match self {
            Self::Raw(_) => {}
            Self::Array(list) => list.iter().for_each(|value| element(None, value)),
            Self::Object(fields) => {
                fields.iter().for_each(|(key, value)| element(Some(key), value));
            }
        }
        out.push(close);
        out.push_str(gap());
    }
}

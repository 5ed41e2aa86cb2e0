//! JSON as Go writes the structs of the API: fields in the order of the protobuf, zero values left out, enums and
//! 64-bit numbers as numbers, bytes in base64, `<`, `>` and `&` escaped.

use prost_types::Timestamp;

/// A value that can stand in such a document.
pub(super) trait Json {
    /// Left out as the field of an object.
    fn is_zero(&self) -> bool;
    /// Appends it.
    fn write(&self, out: &mut String);
}

/// One value as a document.
pub(super) fn document(value: &impl Json) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

/// An object under construction: fields in the order they are given.
pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// A field, unless its value is zero.
    pub(super) fn field(&mut self, key: &str, value: &impl Json) -> &mut Self {
        if value.is_zero() { self } else { self.always(key, value) }
    }

    /// A field, whatever its value.
    pub(super) fn always(&mut self, key: &str, value: &impl Json) -> &mut Self {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        quote(key, self.out);
        self.out.push(':');
        value.write(self.out);
        self
    }

    pub(super) fn close(&mut self) {
        self.out.push('}');
    }
}

/// JSON that is ready.
pub(super) struct Raw(pub(super) String);

impl Json for Raw {
    fn is_zero(&self) -> bool {
        false
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

macro_rules! display {
    ($($number:ty),*) => {$(
        impl Json for $number {
            fn is_zero(&self) -> bool {
                *self == <$number>::default()
            }

            fn write(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }
        }
    )*};
}

display!(bool, i32, i64, u32, u64);

impl Json for String {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, out: &mut String) {
        quote(self, out);
    }
}

impl<T: Json> Json for Option<T> {
    fn is_zero(&self) -> bool {
        self.is_none()
    }

    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Json> Json for Vec<T> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
}

/// Octets: base64 with padding.
impl Json for Vec<u8> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, out: &mut String) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        out.push('"');
        for three in self.chunks(3) {
            let bits =
                three.iter().chain(&[0, 0]).take(3).fold(0, |bits, octet| bits << 8 | usize::from(*octet));
            for digit in 0..4 {
                let known = digit <= three.len();
                out.push(if known { char::from(ALPHABET[bits >> (18 - 6 * digit) & 63]) } else { '=' });
            }
        }
        out.push('"');
    }
}

impl Json for Timestamp {
    fn is_zero(&self) -> bool {
        false
    }

    fn write(&self, out: &mut String) {
        Object::open(out).field("seconds", &self.seconds).field("nanos", &self.nanos).close();
    }
}

/// Escapes what Go escapes, and C1 control characters and DEL, which a terminal would obey.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_go_does() {
        assert_eq!(document(&"a\"b\\c\n<&>\u{1b}é".to_owned()), r#""a\"b\\c\n\u003c\u0026\u003e\u001bé""#);
        assert_eq!(document(&"\u{9b}\u{7f}\u{2028}".to_owned()), r#""\u009b\u007f\u2028""#);
    }

    #[test]
    fn octets_are_base64() {
        for (octets, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(document(&octets.as_bytes().to_vec()), format!("\"{text}\"")); // RFC 4648 §10
        }
        assert_eq!(document(&vec![0xff_u8, 0xfb, 0x00]), "\"//sA\"");
    }

    #[test]
    fn zero_values_are_left_out_unless_asked_for() {
        let mut out = String::new();
        Object::open(&mut out)
            .field("zero", &0_u32)
            .field("empty", &String::new())
            .field("absent", &None::<u32>)
            .field("since", &Some(Timestamp { seconds: 7, nanos: 0 }))
            .always("no", &false)
            .always("null", &None::<u32>)
            .close();
        assert_eq!(out, r#"{"since":{"seconds":7},"no":false,"null":null}"#);
    }
}

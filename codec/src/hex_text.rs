//! Fixed-length names written as lower-case hexadecimal digits.

/// Why a text is not the hexadecimal form of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected} lower-case hexadecimal digits wanted, found {found:?}")]
pub struct HexError {
    /// How many digits the name has.
    pub expected: usize,
    /// The beginning of what was given instead.
    pub found: String,
}

/// Reads exactly `2 * N` lower-case digits. Upper case is refused so that a name has one spelling.
pub(crate) fn parse<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    let canonical = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if canonical && hex::decode_to_slice(text, &mut bytes).is_ok() {
        Ok(bytes)
    } else {
        Err(HexError { expected: 2 * N, found: text.chars().take(80).collect() })
    }
}

/// Gives a newtype around `[u8; N]` its text form: `Display`, `Debug`, `FromStr` and serde, all as hexadecimal digits.
macro_rules! hex_name {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut digits = [0; 2 * size_of::<$name>()];
                hex::encode_to_slice(self.0, &mut digits).map_err(|_| std::fmt::Error)?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| std::fmt::Error)?)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hex_text::parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::HexError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    };
}

pub(crate) use hex_name;

#[cfg(test)]
mod tests {
    use crate::{BlobId, ClusterId};

    #[test]
    fn a_name_has_one_spelling() {
        let id = BlobId::new(0x0102_0304, [0xab; 12]);
        let text = id.to_string();
        assert_eq!(text, "01020304abababababababababababab");
        assert_eq!(text.parse::<BlobId>().unwrap(), id);
        assert_eq!(id.incarnation(), 0x0102_0304);
        for wrong in
            ["", "01", &text.to_uppercase(), &format!("{text}00"), &text[1..], "0102030zabababababababababababab"]
        {
            assert!(wrong.parse::<BlobId>().is_err(), "{wrong}");
            assert!(wrong.parse::<ClusterId>().is_err(), "{wrong}");
        }
    }
}

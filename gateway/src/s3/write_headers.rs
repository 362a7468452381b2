//! Headers of writes that ask for more than bytes: storage classes, encryption. What is not
//! supported is refused; nothing that changes the meaning of a write is passed over.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{Code, S3Error};

const SSE: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");

/// Checks them all.
///
/// # Errors
/// What Amazon says to each, or `NotImplemented`.
pub fn check(headers: &HeaderMap) -> Result<(), S3Error> {
    storage_class(headers)?;
    encryption(headers)?;
    let asked = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
    if asked("x-amz-write-offset-bytes") {
        return Err(Code::NotImplemented.into());
    }
    Ok(())
}

/// There is one class for now. Those that promise the same reading are taken for it; those that need a restore are not.
fn storage_class(headers: &HeaderMap) -> Result<(), S3Error> {
    let class = headers.get("x-amz-storage-class").map(|class| class.to_str().unwrap_or_default());
    match class {
        None | Some("" | "STANDARD" | "REDUCED_REDUNDANCY" | "STANDARD_IA" | "ONEZONE_IA" | "INTELLIGENT_TIERING") => {
            Ok(())
        }
        Some(class) => Err(S3Error::new(Code::InvalidStorageClass).field("StorageClassRequested", class)),
    }
}

/// Everything is encrypted anyway, which is what `AES256` asks for. Keys of the client or of a KMS are not supported.
fn encryption(headers: &HeaderMap) -> Result<(), S3Error> {
    if headers.keys().any(|name| names_foreign_key(name.as_str())) {
        return Err(Code::NotImplemented.into());
    }
    match headers.get(SSE).map(|word| word.to_str().unwrap_or_default()) {
        None | Some("AES256") => Ok(()),
        Some("aws:kms" | "aws:kms:dsse" | "aws:fsx") => Err(Code::NotImplemented.into()),
        Some(word) => Err(S3Error::argument("The encryption method specified is not supported", SSE.as_str(), word)),
    }
}

/// Whether a header brings or names a key that is not the gateway's own.
#[must_use]
pub fn names_foreign_key(header: &str) -> bool {
    header.starts_with("x-amz-server-side-encryption-")
        || header.starts_with("x-amz-copy-source-server-side-encryption-")
}

/// Says that the object is encrypted with the gateway's own keys, as every object is.
pub fn show_encryption(reply: &mut HeaderMap) {
    reply.insert(SSE, const { HeaderValue::from_static("AES256") });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_has_its_answer() {
        let table: &[(&'static str, &'static str, Option<Code>)] = &[
            ("x-amz-storage-class", "STANDARD", None),
            ("x-amz-storage-class", "GLACIER", Some(Code::InvalidStorageClass)),
            ("x-amz-server-side-encryption", "AES256", None),
            ("x-amz-server-side-encryption", "aws:kms", Some(Code::NotImplemented)),
            ("x-amz-server-side-encryption", "rot13", Some(Code::InvalidArgument)),
            ("x-amz-server-side-encryption-customer-algorithm", "AES256", Some(Code::NotImplemented)),
            ("x-amz-copy-source-server-side-encryption-customer-key", "k", Some(Code::NotImplemented)),
            ("x-amz-write-offset-bytes", "5", Some(Code::NotImplemented)),
        ];
        for (name, value, code) in table {
            let headers = [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(check(&headers).err().map(|error| error.code), *code, "{name}: {value}");
        }
    }
}

//! The text of a policy.

use std::collections::HashMap;

use super::key::{NoteKey, SignatureKind, VkeyError};
use super::policy::{Policy, Quorum, Witness};

/// The longest policy that is read, in bytes.
pub const POLICY_BYTES_MAX: usize = 256 << 10;
/// The most logs, witnesses and groups of a policy, of each.
const LINES_MAX: usize = 256;

/// Why a text is no policy: the line, from 1, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {cause}")]
pub struct PolicyError {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

/// What is known after some lines.
#[derive(Default)]
struct Reading {
    logs: Vec<NoteKey>,
    witnesses: Vec<Witness>,
    groups: usize,
    /// What each name stands for, and whether it is a member of a group already.
    names: HashMap<Vec<u8>, (Quorum, bool)>,
    quorum: Option<Quorum>,
}

impl Policy {
    /// Reads the text of a policy.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PolicyError> {
        let refused = |line, cause: &str| PolicyError { line, cause: cause.to_owned() };
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(refused(1, "the file is longer than 256 KiB"));
        }
        let lines = bytes.split(|byte| *byte == b'\n').count();
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            return Err(refused(lines, "it does not end in a newline"));
        }
        let mut reading = Reading::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
                return Err(refused(number, "control characters other than tab and newline are not allowed"));
            }
            let fields: Vec<_> =
                line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|field| !field.is_empty()).collect();
            if fields.first().is_some_and(|field| !field.starts_with(b"#")) {
                reading.line(&fields).map_err(|cause| PolicyError { line: number, cause })?;
            }
        }
        let quorum = reading.quorum.ok_or_else(|| refused(lines, "there is no line `quorum NAME` or `quorum none`"))?;
        Ok(Self { logs: reading.logs, witnesses: reading.witnesses, quorum })
    }
}

impl Reading {
    fn line(&mut self, fields: &[&[u8]]) -> Result<(), String> {
        match fields {
            [b"log", vkey] | [b"log", vkey, _] => self.log(vkey),
            [b"witness", name, vkey] => self.witness(name, vkey, None),
            [b"witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            [b"group", name, least, members @ ..] if !members.is_empty() => self.group(name, least, members),
            [b"quorum", name] => self.quorum(name),
            _ => Err(
                "one of `log VKEY [URL]`, `witness NAME VKEY [URL]`, `group NAME K|any|all NAME...`, `quorum NAME` \
                      and `quorum none` expected"
                    .to_owned(),
            ),
        }
    }

    fn log(&mut self, vkey: &[u8]) -> Result<(), String> {
        let key = key_of(vkey, SignatureKind::Ed25519, "a log signs with a key of type 0x01")?;
        if self.logs.iter().any(|other| other.public == key.public) {
            return Err("another line has this key".to_owned());
        }
        self.logs.push(key);
        bounded(self.logs.len(), "logs")
    }

    fn witness(&mut self, name: &[u8], vkey: &[u8], url: Option<&[u8]>) -> Result<(), String> {
        let key = key_of(vkey, SignatureKind::CosignatureV1, "a witness signs with a key of type 0x04")?;
        if self.witnesses.iter().any(|other| other.key.public == key.public) {
            return Err("another line has this key".to_owned());
        }
        self.define(name, Quorum::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_vec(), key, url: url.map(<[u8]>::to_vec) });
        bounded(self.witnesses.len(), "witnesses")
    }

    fn group(&mut self, name: &[u8], least: &[u8], members: &[&[u8]]) -> Result<(), String> {
        let count = members.len();
        let members = members.iter().map(|member| self.take(member)).collect::<Result<Vec<_>, _>>()?;
        let least = match least {
            b"any" => 1,
            b"all" => count,
            digits => {
                let number = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                let number = number.and_then(|text| text.parse().ok()).filter(|number| (1..=count).contains(number));
                number.ok_or_else(|| format!("`any`, `all` or a number from 1 to {count} expected"))?
            }
        };
        self.define(name, Quorum::AtLeast(least, members))?;
        self.groups += 1;
        bounded(self.groups, "groups")
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a quorum already".to_owned());
        }
        self.quorum = Some(match self.names.get(name) {
            _ if name == b"none" => Quorum::None,
            Some((quorum, _)) => quorum.clone(),
            None => return Err(undefined(name)),
        });
        Ok(())
    }

    fn define(&mut self, name: &[u8], quorum: Quorum) -> Result<(), String> {
        if name == b"none" {
            return Err("`none` is no name for a witness or a group".to_owned());
        }
        match self.names.insert(name.to_vec(), (quorum, false)) {
            None => Ok(()),
            Some(_) => Err(format!("`{}` is defined already", String::from_utf8_lossy(name))),
        }
    }

    /// What is defined under this name, for a group: each name is a member once, so that each witness counts in one way.
    fn take(&mut self, name: &[u8]) -> Result<Quorum, String> {
        let (quorum, is_member) = self.names.get_mut(name).ok_or_else(|| undefined(name))?;
        if std::mem::replace(is_member, true) {
            return Err(format!("`{}` is a member already", String::from_utf8_lossy(name)));
        }
        Ok(quorum.clone())
    }
}

fn undefined(name: &[u8]) -> String {
    format!("`{}` is not defined above", String::from_utf8_lossy(name))
}

fn bounded(count: usize, what: &str) -> Result<(), String> {
    if count > LINES_MAX { Err(format!("more than {LINES_MAX} {what}")) } else { Ok(()) }
}

fn key_of(vkey: &[u8], kind: SignatureKind, expected: &str) -> Result<NoteKey, String> {
    let text = std::str::from_utf8(vkey).map_err(|_| VkeyError::Form.to_string())?;
    let key: NoteKey = text.parse().map_err(|error: VkeyError| error.to_string())?;
    if key.kind == kind { Ok(key) } else { Err(expected.to_owned()) }
}

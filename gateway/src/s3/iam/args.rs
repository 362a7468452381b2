//! The parameters of an action.

use std::str::FromStr;

use crate::domain::{IamName, IamPath, IdentityKind};
use crate::s3::iam::error::IamError;
use crate::s3::uri::Query;

/// The most parameters of one action.
const PARAMETERS_MAX: usize = 500;

/// The parameters, decoded.
#[derive(Debug)]
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Reads a form. Each parameter may occur once.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn parse(body: &[u8]) -> Result<Self, IamError> {
        let malformed = || IamError::validation("The body is not a form");
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        if text.bytes().filter(|byte| *byte == b'&').count() >= PARAMETERS_MAX {
            return Err(IamError::validation("Too many parameters"));
        }
        let query = Query::parse(text).map_err(|_| malformed())?;
        let mut pairs: Vec<_> = query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        pairs.sort();
        if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(IamError::validation(format!("The parameter {} occurs twice", shown(&twice[0].0))));
        }
        Ok(Self(pairs))
    }

    /// Refuses parameters that the action does not know: one that is passed over might have been a limit.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn only(&self, accepted: &[&str]) -> Result<(), IamError> {
        let known = |name: &str| {
            let base = name.split('.').next().unwrap_or_default();
            matches!(base, "Action" | "Version") || accepted.contains(&base)
        };
        match self.0.iter().find(|(name, _)| !known(name)) {
            None => Ok(()),
            Some((name, _)) => Err(IamError::validation(format!("The parameter {} is not supported", shown(name)))),
        }
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn need(&self, name: &str) -> Result<&str, IamError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| IamError::invalid(name, "must not be null"))
    }

    /// A parameter of a type that checks it.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, IamError> {
        let value = self.get(name).map(str::parse).transpose();
        value.map_err(|error: T::Err| IamError::invalid(name, error))
    }

    /// The name of a user, group or role that must be there.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn name(&self, parameter: &str, kind: IdentityKind) -> Result<IamName, IamError> {
        let name: IamName = self.need(parameter)?.parse().map_err(|error| IamError::invalid(parameter, error))?;
        let most = kind.name_letters_max();
        if name.as_str().len() > most {
            return Err(IamError::invalid(parameter, format!("must have length less than or equal to {most}")));
        }
        Ok(name)
    }

    /// The name of a policy, which must be there.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn policy_name(&self) -> Result<IamName, IamError> {
        self.need("PolicyName")?.parse().map_err(|error| IamError::invalid("PolicyName", error))
    }

    /// The path, `/` when it is missing.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn path(&self) -> Result<IamPath, IamError> {
        Ok(self.parsed("Path")?.unwrap_or_default())
    }

    /// How paths begin, `/` when it is missing.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn path_prefix(&self) -> Result<String, IamError> {
        let prefix = self.get("PathPrefix").unwrap_or("/");
        let plain = prefix.bytes().all(|byte| (0x21..=0x7f).contains(&byte));
        if !plain || prefix.len() > 512 || !prefix.starts_with('/') {
            return Err(IamError::invalid("PathPrefix", "must begin with / and contain only visible ASCII"));
        }
        Ok(prefix.to_owned())
    }

    /// A number within bounds.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, IamError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| IamError::invalid(name, format!("must be between {least} and {most}")))
    }

    /// Yes or no; no when it is missing.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn flag(&self, name: &str) -> Result<bool, IamError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(IamError::invalid(name, "must be true or false")),
        }
    }

    /// Text of at most so many letters.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn text(&self, name: &str, letters_max: usize) -> Result<Option<String>, IamError> {
        match self.get(name) {
            Some(text) if text.chars().count() > letters_max => {
                Err(IamError::invalid(name, format!("must have length less than or equal to {letters_max}")))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// The values of a list: `Name.principal_policies.1`, `Name.principal_policies.2`, ... and, of each, the field of this name.
    pub fn list(&self, name: &str, field: &str) -> Vec<&str> {
        let mut values = Vec::new();
        while let Some(value) = self.get(&format!("{name}.member.{}{field}", values.len() + 1)) {
            values.push(value);
        }
        values
    }

    /// Whether any parameter of a list or structure is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known.split('.').next() == Some(name))
    }
}

/// Text of the client's as it may stand in a message: short.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

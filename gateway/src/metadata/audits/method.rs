//! How audits are made; what they come to is [`backends::Verdict`], which nodes know as well.

/// How a backend was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditMethod {
    /// It was challenged to prove a sample.
    Challenge,
    /// It was read from as clients' requests read from it, so that it could not tell.
    Read,
}

impl AuditMethod {
    /// The word in rows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Read => "read",
        }
    }

    /// The method of a word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Challenge, Self::Read].into_iter().find(|method| method.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::Verdict;

    #[test]
    fn words_are_read_back() {
        assert!(Verdict::ALL.into_iter().all(|verdict| Verdict::named(verdict.text()) == Some(verdict)));
        assert_eq!((Verdict::named("fine"), AuditMethod::named("guess")), (None, None));
        let methods = [AuditMethod::Challenge, AuditMethod::Read];
        assert!(methods.into_iter().all(|method| AuditMethod::named(method.name()) == Some(method)));
        assert_eq!(Verdict::ALL.into_iter().filter(|verdict| verdict.is_loss()).count(), 2);
    }
}

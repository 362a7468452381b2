//! Why a configuration is refused.

use std::fmt;
use std::path::PathBuf;

/// Nothing was started and nothing was changed: the operator must correct the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("cannot read {}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{}:{line}:{column}: {text}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong.
        text: String,
    },
    /// It reads well but does not make sense. Everything that is wrong, not only the first.
    #[error("the configuration has {} problem{}:{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, listed(.0))]
    Problems(Vec<Problem>),
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `FILE:LINE: key`, the key alone when it stands in no file, or the name of an environment variable.
    pub location: String,
    /// What is wrong and what to do about it.
    pub text: String,
}

impl Problem {
    /// A problem of the value at this key, such as `backend.0.url`.
    pub(super) fn at(location: impl Into<String>, text: impl Into<String>) -> Self {
        Self { location: location.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.text)
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

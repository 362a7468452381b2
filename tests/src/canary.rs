//! Looks for secrets and plaintext where they must not be.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::files::files_below;

/// The file that hands the root user's keys to the person.
pub const ROOT_CREDENTIALS: &str = "root-credentials";

/// Bytes that must not be found, and where not.
pub struct Canaries {
    /// Nowhere but in the environment and in the file that hands them to the person.
    secrets: Vec<Vec<u8>>,
    /// Not in backends, database or log.
    contents: Vec<Vec<u8>>,
}

impl Canaries {
    pub fn new(secret_key: &str) -> Self {
        Self { secrets: vec![secret_key.as_bytes().to_vec()], contents: Vec::new() }
    }

    pub fn add_content(&mut self, canary: &[u8]) {
        assert!(canary.len() >= 16, "a canary of {} bytes may be found by chance", canary.len());
        self.contents.push(canary.to_vec());
    }

    /// Looks everywhere: each file of the data folder, the log, a dump of the database.
    pub fn search(&self, data: &Path, log: &str, dump: &[u8]) -> Result<()> {
        for canary in self.secrets.iter().chain(&self.contents) {
            ensure!(!contains(log.as_bytes(), canary), "{} is in the log", name(canary));
            ensure!(!contains(dump, canary), "{} is in the database", name(canary));
        }
        for file in files_below(data)? {
            // Sockets and vanished temporaries have nothing to read.
            let Ok(bytes) = fs::read(&file) else { continue };
            if file.file_name().is_some_and(|name| name == ROOT_CREDENTIALS) {
                continue;
            }
            let in_backend = file.starts_with(data.join("backends"));
            for canary in self.secrets.iter().chain(self.contents.iter().filter(|_| in_backend)) {
                ensure!(!contains(&bytes, canary), "{} is in {}", name(canary), file.display());
            }
        }
        Ok(())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut rest = haystack;
    while let Some(start) = rest.iter().position(|byte| *byte == first) {
        if rest[start..].starts_with(needle) {
            return true;
        }
        rest = &rest[start + 1..];
    }
    false
}

fn name(canary: &[u8]) -> String {
    format!("the canary {}..", String::from_utf8_lossy(&canary[..canary.len().min(24)]))
}

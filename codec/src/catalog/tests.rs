//! Catalogs, and garbage.

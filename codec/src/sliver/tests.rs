//! Slivers under every kind of damage.

//! Tests of settlement: single rules as stories, what holds for any facts, the canonical text, and a simulated year.

mod any_facts;
mod canonical;
mod plans;
mod stakes;
mod stories;
mod year;

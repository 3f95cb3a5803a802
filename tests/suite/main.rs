//! What the whole line must hold, tested from outside: the naive recomputation in `reference` is the oracle, the rows in
//! `tests/fixtures/samples` are what the oracle itself must give.

mod compare;
mod reference;
mod samples;

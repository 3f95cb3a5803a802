//! The binary. What comes in: the command line; what goes out: an exit code.

fn main() {}

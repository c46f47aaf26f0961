//! The order of things: the only code that knows what comes before what.

pub mod close;
pub mod evidence;
pub mod export;
pub mod import;
pub mod letters;
pub mod load;
mod shelf;
pub mod watch;

//! exchange (being written).

//! board (being written).

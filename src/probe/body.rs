//! What came as a body, and never more of it than allowed.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

/// How much of a compressed body is looked at in one step.
const BROTLI_BUFFER_BYTES: usize = 4 * 1024;

/// What we ask for.
pub(super) const CODINGS: &str = "gzip, deflate, br, zstd";

/// Why a body cannot be shown to the judge.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InflateError {
    /// More bytes than allowed come out of it.
    TooLarge,
    /// It is not what its encoding says.
    Corrupt(String),
    /// An encoding that we never asked for.
    UnknownEncoding(String),
}

/// Undoes `content_encoding`, the codings in the order in which they were applied; stops as soon
/// as more than `bytes_max` bytes come out.
pub(super) fn inflate(
    body: Vec<u8>,
    content_encoding: &str,
    bytes_max: usize,
) -> Result<Vec<u8>, InflateError> {
    // A layer more than anybody uses; each layer costs a pass over up to `bytes_max` bytes.
    const LAYERS_MAX: usize = 2;
    let codings: Vec<String> = content_encoding
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if body.is_empty() {
        return Ok(body);
    }
    if codings.len() > LAYERS_MAX {
        return Err(InflateError::UnknownEncoding(content_encoding.to_owned()));
    }
    let mut body = body;
    for coding in codings.iter().rev() {
        let inflated = match coding.as_str() {
            "gzip" | "x-gzip" => read_bounded(MultiGzDecoder::new(body.as_slice()), bytes_max),
            "deflate" if has_zlib_header(&body) => {
                read_bounded(ZlibDecoder::new(body.as_slice()), bytes_max)
            }
            // Some servers send the bare stream, against the standard.
            "deflate" => read_bounded(DeflateDecoder::new(body.as_slice()), bytes_max),
            "br" => read_bounded(
                brotli_decompressor::Decompressor::new(body.as_slice(), BROTLI_BUFFER_BYTES),
                bytes_max,
            ),
            "zstd" => unzstd(&body, bytes_max),
            _ => return Err(InflateError::UnknownEncoding(coding.clone())),
        };
        body = match inflated {
            Ok(Some(inflated)) => inflated,
            Ok(None) => return Err(InflateError::TooLarge),
            Err(_corrupt) => return Err(InflateError::Corrupt(coding.clone())),
        };
    }
    Ok(body)
}

/// Undoes zstd, whose frames follow each other.
fn unzstd(mut frames: &[u8], bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while !frames.is_empty() {
        let frame = StreamingDecoder::new(&mut frames).map_err(io::Error::other)?;
        let Some(part) = read_bounded(frame, bytes_max - bytes.len())? else {
            return Ok(None);
        };
        bytes.extend(part);
    }
    Ok(Some(bytes))
}

/// Everything `reader` gives, or nothing if that is more than `bytes_max` bytes.
fn read_bounded(reader: impl Read, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}

/// The two bytes of RFC 1950: method 8, and a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [first, second, ..] => first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0,
        _ => false,
    }
}

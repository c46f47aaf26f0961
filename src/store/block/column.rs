//! A column of whole numbers in few bits.
//!
//! Three ways to write it, and the shortest is taken: as runs of equal numbers, each number above
//! the least of them, or each as its difference from the one before. The last two write numbers in
//! Golomb–Rice code: the lowest `k` bits as they are, what is above them in unary. It has no table
//! to carry, so that sixty numbers already cost hardly more than they say.
//!
//! A column begins with a byte for its form and `k`; for runs, for how many they are, so that the
//! last one needs no length. A column of no numbers is nothing. The first columns ([`Layout::Wide`])
//! took a byte for each of these.

use super::Damage;

/// So long a unary part says that the number follows in full.
const UNARY_MAX: u32 = 24;
/// As many bits as a number in full is counted with.
const LENGTH_BITS: u32 = 6;
/// More low bits than any number has use for.
const K_MAX: u8 = 40;

const RUNS: u8 = 0;
const ABOVE_LEAST: u8 = 1;
const DIFFERENCES: u8 = 2;
/// The form is above so many bits of a column's first byte.
const FORM_SHIFT: u32 = 6;
/// What is below: as many runs, or `k`.
const BELOW_FORM: u8 = (1 << FORM_SHIFT) - 1;

/// How a column begins, and where runs end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A byte for the form, one for `k`, and the length of every run.
    Wide,
    /// What [`write()`] writes.
    Narrow,
}

/// Appends `numbers` to `out`.
pub(super) fn write(numbers: &[i64], out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let least = numbers.iter().copied().min().unwrap_or(0);
    let mut above: Vec<u64> = numbers
        .iter()
        .map(|n| n.wrapping_sub(least) as u64)
        .collect();
    let (mut form, mut base) = (ABOVE_LEAST, least);
    let first = numbers.first().copied().unwrap_or(0);
    let differences: Vec<u64> = numbers
        .windows(2)
        .map(|pair| zigzag(pair[1].wrapping_sub(pair[0])))
        .collect();
    let (mut k, mut n_bits) = best_k(&above);
    let (k_differences, n_bits_differences) = best_k(&differences);
    if n_bits_differences < n_bits {
        (form, base, above) = (DIFFERENCES, first, differences);
        (k, n_bits) = (k_differences, n_bits_differences);
    }
    let runs = write_runs(numbers);
    if runs.len() as u64 <= n_bits / 8 + 2 {
        out.extend(runs);
        return;
    }
    out.push(form << FORM_SHIFT | k);
    write_varint(zigzag(base), out);
    let mut bits = BitWriter { out, n_free: 0 };
    for number in above {
        bits.write_rice(number, k);
    }
}

/// Takes a column of `n` numbers off the front of `bytes`.
pub(super) fn read(bytes: &mut &[u8], n: usize, layout: Layout) -> Result<Vec<i64>, Damage> {
    if n == 0 && layout == Layout::Narrow {
        return Ok(Vec::new());
    }
    let first = take(bytes)?;
    let (form, k) = match layout {
        Layout::Narrow => (first >> FORM_SHIFT, first & BELOW_FORM),
        Layout::Wide if first == RUNS => (RUNS, 0),
        Layout::Wide => (first, take(bytes)?),
    };
    if form == RUNS {
        return read_runs(bytes, n, k.into());
    }
    if k > K_MAX {
        return Err(Damage::Column);
    }
    let base = unzigzag(read_varint(bytes)?);
    let mut bits = BitReader::new(bytes);
    // A number takes a bit at least: a false count finds no room and asks for no memory.
    if n > bytes.len().saturating_mul(8).saturating_add(1) {
        return Err(Damage::Short);
    }
    let mut numbers = Vec::with_capacity(n);
    match form {
        ABOVE_LEAST => {
            for _ in 0..n {
                numbers.push(base.wrapping_add(bits.read_rice(k)? as i64));
            }
        }
        DIFFERENCES => {
            let mut last = base;
            for idx in 0..n {
                if idx > 0 {
                    last = last.wrapping_add(unzigzag(bits.read_rice(k)?));
                }
                numbers.push(last);
            }
        }
        _ => return Err(Damage::Column),
    }
    *bytes = bits.rest();
    Ok(numbers)
}

fn write_runs(numbers: &[i64]) -> Vec<u8> {
    let runs = || numbers.chunk_by(|left, right| left == right);
    // None told: every run has its length.
    let n_told = u8::try_from(runs().count())
        .ok()
        .filter(|n_runs| *n_runs <= BELOW_FORM)
        .unwrap_or(0);
    let mut out = vec![RUNS << FORM_SHIFT | n_told];
    let mut last = 0_i64;
    for (idx, run) in runs().enumerate() {
        write_varint(zigzag(run[0].wrapping_sub(last)), &mut out);
        if idx + 1 != usize::from(n_told) {
            write_varint(run.len() as u64, &mut out);
        }
        last = run[0];
    }
    out
}

/// So many numbers in runs, the last of `n_told` without its length; if 0, every one has its own.
fn read_runs(bytes: &mut &[u8], n: usize, n_told: usize) -> Result<Vec<i64>, Damage> {
    let mut numbers = Vec::new();
    let mut last = 0_i64;
    let mut n_runs = 0;
    while numbers.len() < n {
        n_runs += 1;
        last = last.wrapping_add(unzigzag(read_varint(bytes)?));
        let length = if n_runs == n_told {
            n - numbers.len()
        } else {
            usize::try_from(read_varint(bytes)?).map_err(|_| Damage::Column)?
        };
        if length == 0 || n - numbers.len() < length {
            return Err(Damage::Column);
        }
        numbers.resize(numbers.len() + length, last);
    }
    Ok(numbers)
}

/// The number of low bits with which `numbers` are shortest, and how many bits they then take.
fn best_k(numbers: &[u64]) -> (u8, u64) {
    let n_bits = |k: u8| -> u64 {
        numbers
            .iter()
            .map(|number| match number >> k {
                high if high < UNARY_MAX.into() => high + 1 + u64::from(k),
                _ => u64::from(UNARY_MAX + LENGTH_BITS + length(*number)),
            })
            .sum()
    };
    // The cost falls and then rises: the best is near the length of the mean.
    let sum: u128 = numbers.iter().map(|number| u128::from(*number)).sum();
    let mean = sum / u128::try_from(numbers.len().max(1)).unwrap_or(1);
    let middle = length(u64::try_from(mean).unwrap_or(u64::MAX)) as u8;
    (middle.saturating_sub(4)..=middle.saturating_add(1))
        .map(|k| k.min(K_MAX))
        .map(|k| (k, n_bits(k)))
        .min_by_key(|(_, n_bits)| *n_bits)
        .unwrap_or((0, 0))
}

/// The bits of a number without its leading zeros.
fn length(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Seven bits a byte, the lowest first.
pub(super) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn read_varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take(bytes)?;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return Err(Damage::Column);
        }
        number |= part << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damage::Column)
}

pub(super) fn take(bytes: &mut &[u8]) -> Result<u8, Damage> {
    let (first, rest) = bytes.split_first().ok_or(Damage::Short)?;
    *bytes = rest;
    Ok(*first)
}

/// Bits, the highest of a byte first; the last byte is filled with zeros.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Of the last byte.
    n_free: u32,
}

impl BitWriter<'_> {
    fn write_rice(&mut self, number: u64, k: u8) {
        let high = number >> k;
        if high < UNARY_MAX.into() {
            let high = high as u32;
            // As many ones, and a zero.
            self.write((1 << (high + 1)) - 2, high + 1);
            self.write(number & ((1 << k) - 1), k.into());
        } else {
            // A length of 64 would not fit its bits: one less is written, since none is 0 here.
            let length = length(number).max(1);
            self.write((1 << UNARY_MAX) - 1, UNARY_MAX);
            self.write(u64::from(length - 1), LENGTH_BITS);
            self.write(number, length);
        }
    }

    /// The lowest `n_bits` of `bits`.
    fn write(&mut self, bits: u64, mut n_bits: u32) {
        while n_bits > 0 {
            if self.n_free == 0 {
                self.out.push(0);
                self.n_free = 8;
            }
            let n_now = n_bits.min(self.n_free);
            n_bits -= n_now;
            self.n_free -= n_now;
            let part = (bits >> n_bits) as u8 & (0xff >> (8 - n_now));
            if let Some(last) = self.out.last_mut() {
                *last |= part << self.n_free;
            }
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// How many of them were taken.
    n_taken: usize,
    /// What is left of those, in the highest bits.
    buffer: u64,
    n_left: u32,
}

impl<'a> BitReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            n_taken: 0,
            buffer: 0,
            n_left: 0,
        }
    }

    /// The bytes of which no bit was read.
    fn rest(&self) -> &'a [u8] {
        let n_read = self.n_taken - (self.n_left / 8) as usize;
        self.bytes.get(n_read..).unwrap_or_default()
    }

    fn read_rice(&mut self, k: u8) -> Result<u64, Damage> {
        if self.n_left <= UNARY_MAX {
            self.fill();
        }
        let high = self.buffer.leading_ones();
        if high < UNARY_MAX {
            self.skip(high + 1)?;
            return Ok(u64::from(high) << k | self.read(k.into())?);
        }
        self.skip(UNARY_MAX)?;
        let length = self.read(LENGTH_BITS)? as u32 + 1;
        self.read(length)
    }

    fn read(&mut self, n_bits: u32) -> Result<u64, Damage> {
        if n_bits > 32 {
            let high = self.read(n_bits - 32)?;
            return Ok(high << 32 | self.read(32)?);
        }
        if self.n_left < n_bits {
            self.fill();
        }
        // In two steps: no bits at all are a shift by 64.
        let bits = self.buffer >> 1 >> (63 - n_bits);
        self.skip(n_bits)?;
        Ok(bits)
    }

    fn skip(&mut self, n_bits: u32) -> Result<(), Damage> {
        self.n_left = self.n_left.checked_sub(n_bits).ok_or(Damage::Short)?;
        self.buffer <<= n_bits;
        Ok(())
    }

    /// Takes bytes until there are more than 55 bits, or no bytes any more.
    fn fill(&mut self) {
        let rest = self.bytes.get(self.n_taken..).unwrap_or_default();
        if let Some(eight) = rest.first_chunk() {
            // Of the last byte a part only may have its place; it is taken the next time, and
            // changes nothing where that part is already.
            self.buffer |= u64::from_be_bytes(*eight) >> self.n_left;
            let n_bytes = (63 - self.n_left) / 8;
            self.n_taken += n_bytes as usize;
            self.n_left += n_bytes * 8;
            return;
        }
        for byte in rest {
            if self.n_left > 56 {
                return;
            }
            self.buffer |= u64::from(*byte) << (56 - self.n_left);
            self.n_left += 8;
            self.n_taken += 1;
        }
    }
}

//! Records: the frames of everything that a recording stores, each with its kind, lengths, times and checksums.

use std::time::Duration;

use crate::history::block::SampleHeader;
use crate::recording::byte_codec::{ByteReader, Damaged, duration_nanos, wall_nanos, write_text};

/// The first bytes of every shard and journal that is written. The last one is the version of the format.
pub(crate) const SIGNATURE: [u8; 16] = *b"hapulse record\n\x03";
/// Version of the format that is written, in each record. All earlier versions are read.
pub(crate) const VERSION: u8 = 3;
/// The first bytes of every record.
pub(crate) const MAGIC: [u8; 4] = [0xb5, b'h', b'p', b'r'];
/// Length of a record before its contents, in bytes.
pub(crate) const HEADER_BYTES: usize = 88;
/// Length of the header that its checksum covers, in bytes.
const CHECKED_BYTES: usize = HEADER_BYTES - 4;
/// Maximum length of the contents of a record, in bytes, both as stored and decompressed.
pub(crate) const MAX_CONTENT_BYTES: usize = 32 << 20;
/// Contents of fewer bytes are stored as they are.
const MIN_COMPRESSED_BYTES: usize = 64;

/// Kind of the contents of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// The first record of a shard, with recorder and instance.
    Shard = 1,
    /// Names, columns and texts, to which later records refer.
    Dictionary = 2,
    /// A packed block of samples.
    Block = 3,
    /// A part of the open block, in the journal.
    Part = 4,
    /// Changes of causes, actions, and failed polls.
    Events = 5,
    /// The first and the last record of a snapshot.
    SnapshotEdge = 6,
}

impl RecordKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Shard, Self::Dictionary, Self::Block, Self::Part, Self::Events, Self::SnapshotEdge]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Position of a sample in its recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SampleMark {
    /// Sequence number.
    pub(crate) seq: u64,
    /// Monotonic time, in nanoseconds since the start of the recorder.
    pub(crate) at: u64,
    /// Wall clock time, in nanoseconds since 1970.
    pub(crate) wall: i64,
}

impl SampleMark {
    /// Returns the mark of a sample.
    pub(crate) fn from_header(header: &SampleHeader) -> Self {
        Self { seq: header.seq, at: duration_nanos(header.at), wall: wall_nanos(header.wall) }
    }
}

/// Samples of a block or a part, without their contents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SampleSpan {
    /// Number of samples.
    pub(crate) count: u32,
    /// The first sample, or the time of the first event.
    pub(crate) first: SampleMark,
    /// The last sample, or the time of the last event.
    pub(crate) last: SampleMark,
    /// Epoch of the last sample.
    pub(crate) last_epoch: u32,
    /// Longest time between two consecutive samples, in milliseconds.
    pub(crate) longest_pause: u32,
}

impl SampleSpan {
    /// Returns the span of these samples.
    pub(crate) fn from_headers(headers: &[SampleHeader]) -> Self {
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else { return Self::default() };
        let pause = |pair: &[SampleHeader]| pair[1].at.saturating_sub(pair[0].at);
        let longest = headers.windows(2).map(pause).max().unwrap_or(Duration::ZERO);
        Self {
            count: headers.len() as u32,
            first: SampleMark::from_header(first),
            last: SampleMark::from_header(last),
            last_epoch: last.epoch,
            longest_pause: u32::try_from(longest.as_millis()).unwrap_or(u32::MAX),
        }
    }
}

fn is_known_version(version: u8) -> bool {
    (1..=VERSION).contains(&version)
}

/// Returns whether these are the first bytes of a recording of this version of the format or an earlier one.
pub(crate) fn is_known_signature(bytes: [u8; SIGNATURE.len()]) -> bool {
    let [mark @ .., version] = bytes;
    SIGNATURE.starts_with(&mark) && is_known_version(version)
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    /// Version of the format.
    version: u8,
    pub(crate) kind: RecordKind,
    /// True if the contents are compressed.
    pub(crate) is_compressed: bool,
    /// Length of the contents in the file, in bytes.
    pub(crate) stored_bytes: u32,
    /// Length of the decompressed contents, in bytes.
    pub(crate) raw_bytes: u32,
    /// Number of the block in its shard, or of the first dictionary entry.
    pub(crate) number: u32,
    /// Samples of a block or part.
    pub(crate) span: SampleSpan,
    /// Checksum of the contents in the file.
    content_crc: u32,
}

impl RecordHeader {
    /// Returns whether a file that begins with these bytes has this version of the format.
    pub(crate) fn is_of_version(&self, signature: [u8; SIGNATURE.len()]) -> bool {
        let [.., version] = signature;
        self.version == version
    }

    /// Parses the header of a record. The contents may still be damaged.
    ///
    /// # Errors
    /// Returns an error unless a recorder of this version of the format or an earlier one wrote these bytes.
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Damaged> {
        let number_at = |offset: usize| u32::from_le_bytes(array_at(bytes, offset));
        let long_at = |offset: usize| u64::from_le_bytes(array_at(bytes, offset));
        if bytes[..4] != MAGIC {
            return Err(Damaged("does not begin with the mark of a record"));
        }
        if number_at(CHECKED_BYTES) != crc32fast::hash(&bytes[..CHECKED_BYTES]) {
            return Err(Damaged("has a damaged header"));
        }
        if !is_known_version(bytes[4]) {
            return Err(Damaged("has another version of the format"));
        }
        let kind = RecordKind::from_byte(bytes[5]).ok_or(Damaged("has an unknown kind"))?;
        let mark = |offset: usize| SampleMark {
            seq: long_at(offset),
            at: long_at(offset + 8),
            wall: long_at(offset + 16).cast_signed(),
        };
        let header = Self {
            version: bytes[4],
            kind,
            is_compressed: match bytes[6] {
                0 => false,
                1 => true,
                _ => return Err(Damaged("has an unknown compression")),
            },
            stored_bytes: number_at(8),
            raw_bytes: number_at(12),
            number: number_at(16),
            span: SampleSpan {
                count: number_at(20),
                first: mark(24),
                last: mark(48),
                last_epoch: number_at(72),
                longest_pause: number_at(76),
            },
            content_crc: number_at(80),
        };
        if header.stored_bytes.max(header.raw_bytes) as usize > MAX_CONTENT_BYTES {
            return Err(Damaged("has an impossible length"));
        }
        Ok(header)
    }

    /// Returns the header as bytes.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..7].copy_from_slice(&[self.version, self.kind as u8, u8::from(self.is_compressed)]);
        let span = self.span;
        for (offset, number) in [
            (8, self.stored_bytes),
            (12, self.raw_bytes),
            (16, self.number),
            (20, span.count),
            (72, span.last_epoch),
            (76, span.longest_pause),
            (80, self.content_crc),
        ] {
            bytes[offset..offset + 4].copy_from_slice(&number.to_le_bytes());
        }
        for (offset, mark) in [(24, span.first), (48, span.last)] {
            for (place, number) in [mark.seq, mark.at, mark.wall.cast_unsigned()].into_iter().enumerate() {
                let offset = offset + place * 8;
                bytes[offset..offset + 8].copy_from_slice(&number.to_le_bytes());
            }
        }
        let crc = crc32fast::hash(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Returns the length of the record with its contents, in bytes.
    pub(crate) fn length(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.stored_bytes)
    }

    /// Checks and decompresses the contents, which `stored` are in the file.
    ///
    /// # Errors
    /// Returns an error if the checksum does not match, or if the contents cannot be decompressed.
    pub(crate) fn contents(&self, stored: Vec<u8>) -> Result<Vec<u8>, Damaged> {
        if stored.len() != self.stored_bytes as usize || crc32fast::hash(&stored) != self.content_crc {
            return Err(Damaged("has damaged contents"));
        }
        let raw_bytes = self.raw_bytes as usize;
        let raw = if self.is_compressed {
            lz4_flex::block::decompress(&stored, raw_bytes).map_err(|_| Damaged("cannot be decompressed"))?
        } else {
            stored
        };
        if raw.len() == raw_bytes { Ok(raw) } else { Err(Damaged("has another length than its header says")) }
    }
}

/// Returns the bytes of a record. `is_compressible` is true if compression is worth its time.
///
/// # Errors
/// Returns an error if the contents are too long for a record.
pub(crate) fn encode_record(
    kind: RecordKind,
    number: u32,
    span: SampleSpan,
    contents: &[u8],
    is_compressible: bool,
) -> Result<Vec<u8>, Damaged> {
    if contents.len() > MAX_CONTENT_BYTES {
        return Err(Damaged("is too large for a record"));
    }
    let compressed = (is_compressible && contents.len() >= MIN_COMPRESSED_BYTES)
        .then(|| lz4_flex::block::compress(contents))
        .filter(|compressed| compressed.len() < contents.len());
    let stored = compressed.as_deref().unwrap_or(contents);
    let header = RecordHeader {
        version: VERSION,
        kind,
        is_compressed: compressed.is_some(),
        stored_bytes: stored.len() as u32,
        raw_bytes: contents.len() as u32,
        number,
        span,
        content_crc: crc32fast::hash(stored),
    };
    let mut record = Vec::with_capacity(HEADER_BYTES + stored.len());
    record.extend(header.to_bytes());
    record.extend_from_slice(stored);
    Ok(record)
}

/// Returns the bytes of a damaged record of events, which stands for events that could not be read.
pub(crate) fn encode_lost_events(span: SampleSpan) -> Vec<u8> {
    let header = RecordHeader {
        version: VERSION,
        kind: RecordKind::Events,
        is_compressed: false,
        stored_bytes: 0,
        raw_bytes: 0,
        number: 0,
        span,
        // The checksum of no contents is 0.
        content_crc: 1,
    };
    header.to_bytes().to_vec()
}

/// Gives all records in these bytes correct checksums, so that damaged contents are decoded. For fuzz tests.
pub fn correct_checksums(bytes: &mut [u8]) {
    let mut position = 0;
    while let Some(record) = bytes.get_mut(position..).filter(|rest| rest.len() >= HEADER_BYTES) {
        if record[..4] != MAGIC {
            position += 1;
            continue;
        }
        let stored = u32::from_le_bytes(array_at(record, 8)) as usize;
        let (header, contents) = record.split_at_mut(HEADER_BYTES);
        if let Some(contents) = contents.get(..stored) {
            header[CHECKED_BYTES - 4..CHECKED_BYTES].copy_from_slice(&crc32fast::hash(contents).to_le_bytes());
        }
        let crc = crc32fast::hash(&header[..CHECKED_BYTES]);
        header[CHECKED_BYTES..].copy_from_slice(&crc.to_le_bytes());
        position += HEADER_BYTES;
    }
}

fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut array = [0; N];
    if let Some(part) = bytes.get(offset..offset + N) {
        array.copy_from_slice(part);
    }
    array
}

/// Recorder and instance: the contents of the first record of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShardOrigin {
    /// Random number of the recorder's run. Monotonic times are comparable within a run.
    pub(crate) run: u64,
    /// Version of hapulse.
    pub(crate) version: String,
    /// Name of the instance.
    pub(crate) name: String,
    /// Address of its stats socket.
    pub(crate) address: String,
}

impl ShardOrigin {
    /// Returns the contents of the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.run.to_le_bytes().to_vec();
        for text in [&self.version, &self.name, &self.address] {
            write_text(&mut out, &text.as_str().into());
        }
        out
    }

    /// Reads the contents of the record.
    ///
    /// # Errors
    /// Returns an error if the contents are damaged.
    pub(crate) fn decode(contents: &[u8]) -> Result<Self, Damaged> {
        let mut reader = ByteReader::new(contents);
        let run = u64::from_le_bytes(array_at(reader.take(8)?, 0));
        let mut text = || reader.text().map(|text| text.to_string());
        let origin = Self { run, version: text()?, name: text()?, address: text()? };
        reader.finish()?;
        Ok(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> SampleSpan {
        let mark = |number: u64| SampleMark { seq: number, at: number * 1000, wall: -(number.cast_signed()) };
        SampleSpan { count: 128, first: mark(7), last: mark(900), last_epoch: 3, longest_pause: 2000 }
    }

    fn parse(record: &[u8]) -> Result<(RecordHeader, Vec<u8>), Damaged> {
        let header = RecordHeader::parse(record[..HEADER_BYTES].try_into().unwrap())?;
        Ok((header, header.contents(record[HEADER_BYTES..].to_vec())?))
    }

    #[test]
    fn encoded_record_is_parsed_back() {
        for (contents, is_compressed) in [(vec![7; 900], true), (vec![], false), (b"short".to_vec(), false)] {
            let record = encode_record(RecordKind::Block, 5, span(), &contents, true).unwrap();
            let (header, back) = parse(&record).unwrap();
            assert_eq!((back, header.span, header.number), (contents, span(), 5));
            assert_eq!((header.is_compressed, header.length()), (is_compressed, record.len() as u64));
        }
        assert!(encode_record(RecordKind::Block, 0, span(), &vec![0; MAX_CONTENT_BYTES + 1], true).is_err());
    }

    #[test]
    fn parse_finds_every_flipped_bit() {
        let contents: Vec<u8> = (0..300_u32).map(|number| (number * number / 9) as u8).collect();
        for is_compressible in [false, true] {
            let record = encode_record(RecordKind::Part, 5, span(), &contents, is_compressible).unwrap();
            for bit in 0..record.len() * 8 {
                let mut flipped = record.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(parse(&flipped).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn correct_checksums_makes_damaged_record_valid() {
        let record = encode_record(RecordKind::Part, 5, span(), &[1, 2, 3], false).unwrap();
        let mut damaged = [b"x".as_slice(), &record].concat();
        (damaged[30], damaged[90]) = (77, 9);
        assert!(parse(&damaged[1..]).is_err());
        correct_checksums(&mut damaged);
        assert!(parse(&damaged[1..]).is_ok());
    }

    #[test]
    fn shard_origin_is_decoded_back() {
        let text = |text: &str| text.to_owned();
        let origin = ShardOrigin { run: 99, version: text("0.1.0"), name: text("lb01"), address: text("/run/a.sock") };
        let bytes = origin.encode();
        assert_eq!(ShardOrigin::decode(&bytes), Ok(origin));
        (0..bytes.len()).for_each(|end| assert!(ShardOrigin::decode(&bytes[..end]).is_err()));
    }
}

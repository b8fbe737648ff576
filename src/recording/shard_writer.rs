//! Writes the files of one shard.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::config::own_file::{self, PathChoice};
use crate::recording::byte_codec::wall_nanos;
use crate::recording::dictionary::DictionaryWriter;
use crate::recording::folder::{ShardName, ShardPart};
use crate::recording::record_frame::{
    HEADER_BYTES, RecordHeader, RecordKind, SIGNATURE, SampleSpan, ShardOrigin, encode_record,
};
use crate::recording::shard::RecordEntry;

/// Nanoseconds per hour.
const HOUR: i64 = 3_600_000_000_000;

/// A file to which whole records are appended.
#[derive(Debug)]
struct AppendedRecords {
    file: File,
    /// Length of the file up to the last complete record.
    length: u64,
}

impl AppendedRecords {
    fn create(path: &Path, choice: PathChoice) -> io::Result<Self> {
        let file = own_file::open_to_append(path, choice)?.file;
        if file.metadata()?.len() > 0 {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "already exists"));
        }
        let mut records = Self { file, length: 0 };
        records.append(&SIGNATURE)?;
        Ok(records)
    }

    /// Appends bytes as a whole. If that fails, as on a full disk, what was written of them is removed.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // If this fails too, readers find out that the record is incomplete.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Removes everything except the first bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }
}

/// The shard that is being written.
#[derive(Debug)]
pub(crate) struct ShardWriter {
    shard: AppendedRecords,
    journal: AppendedRecords,
    /// The index; `None` after it could not be written. Readers then find the records without it.
    index: Option<File>,
    /// Wall clock time at which the shard was started.
    started: SystemTime,
    next_block: u32,
    /// Dictionary of the shard.
    pub(crate) dictionary: DictionaryWriter,
    /// Number of bytes written.
    pub(crate) written_bytes: u64,
}

fn hour_of(wall: SystemTime) -> i64 {
    wall_nanos(wall).div_euclid(HOUR)
}

fn invalid(error: crate::recording::byte_codec::Damaged) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl ShardWriter {
    /// Creates the files of a new shard. Removes them again if that fails.
    ///
    /// # Errors
    /// Returns an error if a file cannot be created and written, or if another user can replace it.
    pub(crate) fn create(
        folder: &Path,
        name: &ShardName,
        origin: &ShardOrigin,
        choice: PathChoice,
        started: SystemTime,
    ) -> io::Result<Self> {
        let create = || -> io::Result<Self> {
            let path = |part| name.path(folder, part);
            let mut writer = Self {
                shard: AppendedRecords::create(&path(ShardPart::Shard), choice)?,
                journal: AppendedRecords::create(&path(ShardPart::Journal), choice)?,
                index: Some(own_file::open_to_append(&path(ShardPart::Index), choice)?.file),
                started,
                next_block: 0,
                dictionary: DictionaryWriter::default(),
                written_bytes: 2 * SIGNATURE.len() as u64,
            };
            writer.append(RecordKind::Shard, 0, SampleSpan::default(), &origin.encode())?;
            writer.shard.file.sync_all()?;
            Ok(writer)
        };
        let created = create();
        if created.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists) {
            for part in ShardPart::ALL {
                // A file that remains is skipped when the next shard is created.
                let _ = fs::remove_file(name.path(folder, part));
            }
        }
        created
    }

    /// Appends a record to the shard, and its position to the index.
    fn append(&mut self, kind: RecordKind, number: u32, span: SampleSpan, contents: &[u8]) -> io::Result<()> {
        let record = encode_record(kind, number, span, contents, true).map_err(invalid)?;
        let offset = self.shard.length;
        self.shard.append(&record)?;
        self.written_bytes += record.len() as u64;
        let header = record.first_chunk::<HEADER_BYTES>().and_then(|header| RecordHeader::parse(header).ok());
        if let (Some(index), Some(header)) = (&mut self.index, header) {
            let entry = RecordEntry { offset, header }.to_index_bytes();
            if index.write_all(&entry).is_err() {
                self.index = None;
            }
            self.written_bytes += entry.len() as u64;
        }
        Ok(())
    }

    /// Appends the dictionary entries that are not written yet. Returns whether there were any.
    fn append_dictionary(&mut self) -> io::Result<bool> {
        let Some((first, entries)) = self.dictionary.pending() else { return Ok(false) };
        let entries = entries.to_vec();
        self.append(RecordKind::Dictionary, first, SampleSpan::default(), &entries)?;
        self.dictionary.mark_written();
        Ok(true)
    }

    /// Appends events to the shard; the span contains their times.
    ///
    /// # Errors
    /// Returns an error if the shard cannot be written.
    pub(crate) fn append_events(&mut self, span: SampleSpan, contents: &[u8]) -> io::Result<()> {
        self.append(RecordKind::Events, 0, span, contents)?;
        self.shard.file.sync_data()
    }

    /// Appends a part of the open block to the journal, and the dictionary entries that it needs to the shard.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(crate) fn append_part(&mut self, span: SampleSpan, contents: &[u8]) -> io::Result<()> {
        if self.append_dictionary()? {
            self.shard.file.sync_data()?;
        }
        let record = encode_record(RecordKind::Part, self.next_block, span, contents, false).map_err(invalid)?;
        self.journal.append(&record)?;
        self.written_bytes += record.len() as u64;
        self.journal.file.sync_data()
    }

    /// Appends a packed block to the shard, and clears the journal.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(crate) fn append_block(&mut self, span: SampleSpan, contents: &[u8]) -> io::Result<()> {
        self.append_dictionary()?;
        self.append(RecordKind::Block, self.next_block, span, contents)?;
        self.shard.file.sync_data()?;
        // Until the journal is cleared, its parts are ignored because the shard contains their block.
        self.next_block += 1;
        self.journal.truncate(SIGNATURE.len() as u64)
    }

    /// Returns the size of the shard without its journal, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.shard.length
    }

    /// Returns whether the shard or its journal was removed, so that what is written is lost.
    pub(crate) fn is_removed(&self) -> bool {
        let is_removed = |records: &AppendedRecords| records.file.metadata().is_ok_and(|meta| meta.nlink() == 0);
        is_removed(&self.shard) || is_removed(&self.journal)
    }

    /// Returns whether the next block belongs into a new shard.
    pub(crate) fn is_complete(&self, now: SystemTime) -> bool {
        hour_of(now) != hour_of(self.started) || self.dictionary.is_large()
    }

    /// Returns whether the shard was started longer than this time ago.
    pub(crate) fn is_older_than(&self, time: Duration, now: SystemTime) -> bool {
        now.duration_since(self.started).is_ok_and(|age| age >= time)
    }
}

//! Finds the records of a shard and of its journal.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::config::safe_file::open_regular;
use crate::recording::byte_codec::Damaged;
use crate::recording::folder::{ShardName, ShardPart, open_part, read_at_most};
use crate::recording::record_frame::{
    HEADER_BYTES, MAGIC, RecordHeader, RecordKind, SIGNATURE, ShardOrigin, is_known_signature,
};

/// Length of an index entry in bytes: the position of a record, its header, and a checksum.
pub(crate) const INDEX_ENTRY_BYTES: usize = 8 + HEADER_BYTES + 4;
/// Maximum number of records of a file. A shard of an hour has about a hundred.
const MAX_RECORDS: usize = 100_000;
/// Maximum number of damaged places that are remembered for a file.
const MAX_DAMAGE: usize = 100;
/// Number of bytes that are read at once to find the next record after a damaged one.
const SEARCH_BYTES: usize = 64 << 10;

/// A record at its position in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordEntry {
    /// Position of the record's header.
    pub(crate) offset: u64,
    /// Header of the record.
    pub(crate) header: RecordHeader,
}

impl RecordEntry {
    /// Returns the entry as bytes of the index.
    pub(crate) fn to_index_bytes(self) -> [u8; INDEX_ENTRY_BYTES] {
        let mut bytes = [0; INDEX_ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..INDEX_ENTRY_BYTES - 4].copy_from_slice(&self.header.to_bytes());
        let crc = crc32fast::hash(&bytes[..INDEX_ENTRY_BYTES - 4]);
        bytes[INDEX_ENTRY_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn from_index_bytes(bytes: &[u8]) -> Option<Self> {
        let (checked, crc) = bytes.split_last_chunk::<4>()?;
        let (offset, header) = checked.split_first_chunk::<8>()?;
        let header = RecordHeader::parse(header.try_into().ok()?).ok()?;
        (u32::from_le_bytes(*crc) == crc32fast::hash(checked))
            .then_some(Self { offset: u64::from_le_bytes(*offset), header })
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.header.length())
    }

    /// Reads the contents of the record.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, and an inner error if the record is damaged.
    pub(crate) fn read(&self, file: &File) -> io::Result<Result<Vec<u8>, Damaged>> {
        let mut header = [0; HEADER_BYTES];
        if !read_exactly(file, &mut header, self.offset)? || header != self.header.to_bytes() {
            return Ok(Err(Damaged("differs from its entry in the index")));
        }
        let mut stored = vec![0; self.header.stored_bytes as usize];
        if !read_exactly(file, &mut stored, self.offset + HEADER_BYTES as u64)? {
            return Ok(Err(Damaged("is incomplete")));
        }
        Ok(self.header.contents(stored))
    }
}

/// Reads exactly as many bytes as fit into `bytes`. Returns false if the file ends before.
fn read_exactly(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A damaged place of a recording, which was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// File.
    pub file: PathBuf,
    /// Position in the file.
    pub offset: u64,
    /// Description of the damage.
    pub reason: Damaged,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = crate::haproxy::safe_text::SafeText::from(self.file.as_path());
        write!(f, "{file}: the record at byte {} {}", self.offset, self.reason)
    }
}

/// Records of a file, found by their headers.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordList {
    /// Complete records in the order of the file.
    pub(crate) records: Vec<RecordEntry>,
    /// Damaged places: position and reason.
    pub(crate) damage: Vec<(u64, Damaged)>,
    /// End of the last complete record, from which the next search continues.
    end: u64,
    is_signature_checked: bool,
}

impl RecordList {
    /// Finds the records after those that are known, in a file that may have grown.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(crate) fn extend(&mut self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let end = self.end.max(SIGNATURE.len() as u64);
        self.damage.retain(|(offset, _)| *offset < end);
        let mut position = end;
        self.end = end;
        while position < length {
            if self.records.len() >= MAX_RECORDS {
                self.note_damage(position, Damaged("is one of too many"));
                break;
            }
            let next = match read_header(file, position, length)? {
                Ok(header) => {
                    let entry = RecordEntry { offset: position, header };
                    self.records.push(entry);
                    self.end = entry.end();
                    Some(entry.end())
                }
                Err(reason) => {
                    self.note_damage(position, reason);
                    find_record(file, position + 1, length)?
                }
            };
            let Some(next) = next else { break };
            position = next;
        }
        if length > 0 && !std::mem::replace(&mut self.is_signature_checked, true) {
            self.check_signature(file)?;
        }
        Ok(())
    }

    /// Returns whether a record begins the next shard of a snapshot after these records, also if the first record of that
    /// shard is damaged: the numbers of dictionary entries and blocks then start from 0 again.
    fn is_before_next_shard(&self, next: &RecordEntry) -> bool {
        let last_of = |kind| self.records.iter().rev().find(|entry| entry.header.kind == kind);
        match next.header.kind {
            RecordKind::Shard => true,
            RecordKind::Dictionary => next.header.number == 0 && last_of(RecordKind::Dictionary).is_some(),
            RecordKind::Block => {
                last_of(RecordKind::Block).is_some_and(|last| last.header.number >= next.header.number)
            }
            RecordKind::Part | RecordKind::Events | RecordKind::SnapshotEdge => false,
        }
    }

    /// Removes the marks of the beginning and the end of a snapshot. A snapshot with the first one only was cut off. A shard has
    /// none.
    fn check_edges(&mut self) {
        let is_edge = |entry: &RecordEntry| entry.header.kind == RecordKind::SnapshotEdge;
        let (begins, ends) = (self.records.first().is_some_and(is_edge), self.records.last().is_some_and(is_edge));
        if begins && !(ends && self.records.len() > 1) {
            self.note_damage(self.end, Damaged("is missing, and perhaps others: the file was cut off"));
        }
        self.records.retain(|entry| !is_edge(entry));
    }

    fn check_signature(&mut self, file: &File) -> io::Result<()> {
        let mut signature = [0; SIGNATURE.len()];
        let is_read = read_exactly(file, &mut signature, 0)?;
        if !(is_read && is_known_signature(signature)) {
            self.note_damage(0, Damaged("is not the beginning of a recording of this version"));
        } else if self.records.first().is_some_and(|first| !first.header.is_of_version(signature)) {
            self.note_damage(0, Damaged("has another version than the records"));
        }
        Ok(())
    }

    fn note_damage(&mut self, offset: u64, reason: Damaged) {
        if self.damage.len() < MAX_DAMAGE && !self.damage.contains(&(offset, reason)) {
            self.damage.push((offset, reason));
        }
    }

    /// Takes over the entries of an index as far as they describe consecutive records within a file of this length. Returns
    /// the position of the first damaged entry: the records from there on are found by their headers.
    fn use_index(&mut self, index: &[u8], length: u64) -> Option<u64> {
        let mut position = SIGNATURE.len() as u64;
        for (place, bytes) in index.chunks_exact(INDEX_ENTRY_BYTES).take(MAX_RECORDS).enumerate() {
            let entry = RecordEntry::from_index_bytes(bytes);
            let Some(entry) = entry.filter(|entry| entry.offset == position) else {
                return Some((place * INDEX_ENTRY_BYTES) as u64);
            };
            if entry.end() > length {
                break;
            }
            self.records.push(entry);
            position = entry.end();
            self.end = position;
        }
        None
    }
}

/// Reads the header at this position. Returns an inner error if no complete record begins there.
fn read_header(file: &File, offset: u64, length: u64) -> io::Result<Result<RecordHeader, Damaged>> {
    let mut bytes = [0; HEADER_BYTES];
    if !read_exactly(file, &mut bytes, offset)? {
        return Ok(Err(Damaged("is incomplete")));
    }
    let fits = |header: &RecordHeader| offset.saturating_add(header.length()) <= length;
    Ok(RecordHeader::parse(&bytes).and_then(|header| fits(&header).then_some(header).ok_or(Damaged("is incomplete"))))
}

/// Returns the position of the next complete record from `from` on, or `None` after the last one.
fn find_record(file: &File, from: u64, length: u64) -> io::Result<Option<u64>> {
    let mut start = from;
    let mut bytes = vec![0; SEARCH_BYTES];
    while start + (HEADER_BYTES as u64) <= length {
        let count = usize::try_from(length - start).unwrap_or(usize::MAX).min(SEARCH_BYTES);
        if !read_exactly(file, &mut bytes[..count], start)? {
            return Ok(None);
        }
        for (place, window) in bytes[..count].windows(MAGIC.len()).enumerate() {
            let position = start + place as u64;
            if window == MAGIC && read_header(file, position, length)?.is_ok() {
                return Ok(Some(position));
            }
        }
        start += (count - (MAGIC.len() - 1)) as u64;
    }
    Ok(None)
}

/// Where a shard is stored.
#[derive(Debug, Clone)]
enum ShardPlace {
    /// In a folder, in files of its own.
    Folder { folder: PathBuf, name: ShardName },
    /// In a snapshot, which does not change.
    Snapshot(PathBuf),
}

/// One shard and its journal.
#[derive(Debug, Clone)]
pub(crate) struct StoredShard {
    place: ShardPlace,
    /// Recorder and instance; `None` if its first record is damaged.
    pub(crate) origin: Option<ShardOrigin>,
    /// Records of the shard.
    pub(crate) list: RecordList,
    /// Records of the journal whose block is not in the shard.
    pub(crate) journal: RecordList,
    /// Position of the first damaged entry of the index, which is not needed.
    damaged_index: Option<u64>,
}

impl StoredShard {
    /// Finds the records of a shard. The contents are not read, except for those of the first record.
    ///
    /// # Errors
    /// Returns an error if a file cannot be opened or read.
    pub(crate) fn open(folder: &Path, name: ShardName) -> io::Result<Self> {
        let mut shard = Self::empty(ShardPlace::Folder { folder: folder.to_owned(), name });
        shard.refresh()?;
        Ok(shard)
    }

    /// Finds the shards of a snapshot.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if it is not a recording.
    pub(crate) fn open_snapshot(path: &Path) -> io::Result<Vec<Self>> {
        let file = open_regular(path, OFlags::RDONLY, Mode::empty())?;
        let mut signature = [0; SIGNATURE.len()];
        if !read_exactly(&file, &mut signature, 0)? || !is_known_signature(signature) {
            let text = match file.metadata()?.len() {
                0 => "the file is empty",
                _ => "the file is not a recording of hapulse, or of another version",
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut all = RecordList::default();
        all.extend(&file)?;
        all.check_edges();
        let mut shards: Vec<Self> = Vec::new();
        for entry in all.records {
            let last = match shards.last_mut() {
                Some(last) if !last.list.is_before_next_shard(&entry) => last,
                _ => {
                    shards.push(Self::empty(ShardPlace::Snapshot(path.to_owned())));
                    let Some(last) = shards.last_mut() else { break };
                    last
                }
            };
            last.list.records.push(entry);
        }
        for shard in &mut shards {
            shard.read_origin(&file)?;
        }
        if let Some(first) = shards.first_mut() {
            first.list.damage = all.damage;
        }
        Ok(shards)
    }

    fn empty(place: ShardPlace) -> Self {
        Self { place, origin: None, list: RecordList::default(), journal: RecordList::default(), damaged_index: None }
    }

    /// Returns the name of the shard, unless it is in a snapshot.
    pub(crate) fn name(&self) -> Option<&ShardName> {
        match &self.place {
            ShardPlace::Folder { name, .. } => Some(name),
            ShardPlace::Snapshot(_) => None,
        }
    }

    /// Finds the records that were added since.
    ///
    /// # Errors
    /// Returns an error if a file cannot be opened or read.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        // The recorder may complete the block while the files are read: then neither would contain it.
        for _ in 0..3 {
            self.read_shard()?;
            self.journal = RecordList::default();
            if let Some(file) = self.open_part(ShardPart::Journal)? {
                self.journal.extend(&file)?;
            }
            let known = self.next_block();
            if self.journal.records.iter().all(|part| part.header.number <= known) {
                break;
            }
        }
        let next = self.journal.records.iter().map(|part| part.header.number).max();
        let is_new = |number: u32| !self.blocks().any(|block| block.header.number == number) && Some(number) == next;
        let new: Vec<RecordEntry> = self
            .journal
            .records
            .iter()
            .filter(|part| part.header.kind == RecordKind::Part && is_new(part.header.number))
            .copied()
            .collect();
        self.journal.records = new;
        Ok(())
    }

    fn read_shard(&mut self) -> io::Result<()> {
        let Some(file) = self.open_part(ShardPart::Shard)? else { return Ok(()) };
        if self.list.records.is_empty()
            && let Some(index) = self.open_part(ShardPart::Index)?
        {
            let index = read_at_most(&index, (MAX_RECORDS * INDEX_ENTRY_BYTES) as u64)?;
            self.damaged_index = self.list.use_index(&index, file.metadata()?.len());
        }
        self.list.extend(&file)?;
        self.read_origin(&file)
    }

    fn read_origin(&mut self, file: &File) -> io::Result<()> {
        if self.origin.is_none()
            && let Some(first) = self.list.records.iter().find(|entry| entry.header.kind == RecordKind::Shard)
        {
            let offset = first.offset;
            match first.read(file)?.and_then(|contents| ShardOrigin::decode(&contents)) {
                Ok(origin) => self.origin = Some(origin),
                Err(reason) => self.list.note_damage(offset, reason),
            }
        }
        Ok(())
    }

    /// Returns the number of the block that follows the last one in the shard.
    fn next_block(&self) -> u32 {
        self.blocks().map(|block| block.header.number.saturating_add(1)).max().unwrap_or(0)
    }

    /// Returns the records of this kind in the shard.
    pub(crate) fn records(&self, kind: RecordKind) -> impl Iterator<Item = &RecordEntry> {
        self.list.records.iter().filter(move |entry| entry.header.kind == kind)
    }

    /// Returns the blocks in the shard.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &RecordEntry> {
        self.records(RecordKind::Block)
    }

    /// Opens a file of the shard; `None` if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, or if another user can replace it.
    pub(crate) fn open_part(&self, part: ShardPart) -> io::Result<Option<File>> {
        match (&self.place, part) {
            (ShardPlace::Folder { folder, name }, _) => open_part(folder, name, part),
            (ShardPlace::Snapshot(path), ShardPart::Shard) => {
                open_regular(path, OFlags::RDONLY, Mode::empty()).map(Some)
            }
            (ShardPlace::Snapshot(_), ShardPart::Index | ShardPart::Journal) => Ok(None),
        }
    }

    /// Returns the path of a file of the shard.
    pub(crate) fn path(&self, part: ShardPart) -> PathBuf {
        match &self.place {
            ShardPlace::Folder { folder, name } => name.path(folder, part),
            ShardPlace::Snapshot(path) => path.clone(),
        }
    }

    /// Returns the damaged places found so far, and forgets them.
    pub(crate) fn take_damage(&mut self) -> Vec<Damage> {
        let damage = self.damage().collect();
        self.list.damage.clear();
        damage
    }

    /// Returns the damaged places found so far.
    pub(crate) fn damage(&self) -> impl Iterator<Item = Damage> {
        let lists = [(ShardPart::Shard, &self.list), (ShardPart::Journal, &self.journal)];
        let in_lists =
            lists.into_iter().flat_map(|(part, list)| list.damage.iter().map(move |(at, reason)| (part, *at, *reason)));
        let in_index = (ShardPart::Index, Damaged("is a damaged entry of the index, which is not needed"));
        let in_index = self.damaged_index.map(|at| (in_index.0, at, in_index.1));
        let damage = |(part, offset, reason)| Damage { file: self.path(part), offset, reason };
        in_lists.chain(in_index).map(damage)
    }
}

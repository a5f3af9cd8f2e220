//! Writing and reading NPZ files entry by entry, with the bytes of an array streamed through.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use npyz::{DType, NpyHeader, TypeStr, WriteOptions, WriterBuilder};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::contract::files::{publish, temp_path};
use crate::failure::Failure;

/// Deflate level: feature planes are almost all zeros, and higher levels cost much time for little.
const LEVEL: i64 = 1;

/// An NPZ file under its temporary name; nothing appears under the real one before [`NpzWriter::finish`].
pub struct NpzWriter {
    zip: ZipWriter<BufWriter<File>>,
    temp: PathBuf,
    path: PathBuf,
    checksums: serde_json::Map<String, serde_json::Value>,
}

impl NpzWriter {
    /// Starts a file.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let temp = temp_path(path);
        let file = File::create(&temp).map_err(|e| Failure::io("creating", &temp, &e))?;
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { zip, temp, path: path.to_owned(), checksums: serde_json::Map::new() })
    }

    /// Adds an array of `descr` (as in `<f4`, `<U12`) and shape; `fill` streams its little-endian bytes in C order.
    pub fn array(
        &mut self,
        name: &str,
        descr: &str,
        shape: &[u64],
        fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let ty: TypeStr = descr.parse().map_err(|e| Failure::internal("writing samples", format!("{descr}: {e}")))?;
        // large_file: entries may pass 4 GiB.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .large_file(true);
        let write = || -> std::io::Result<String> {
            self.zip.start_file(format!("{name}.npy"), options).map_err(std::io::Error::other)?;
            WriteOptions::new_header_only()
                .dtype(DType::Plain(ty))
                .shape(shape)
                .writer(&mut self.zip)
                .write_header_only()?;
            let mut through = Hashing { inner: &mut self.zip, hasher: Sha256::new() };
            fill(&mut through)?;
            Ok(through.hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
        };
        let digest = write().map_err(|e| Failure::io("writing", &self.temp, &e))?;
        self.checksums.insert(name.to_owned(), digest.into());
        Ok(())
    }

    /// Adds an array whose bytes are at hand.
    pub fn bytes(&mut self, name: &str, descr: &str, shape: &[u64], bytes: &[u8]) -> Result<(), Failure> {
        self.array(name, descr, shape, |out| out.write_all(bytes))
    }

    /// Adds a text scalar.
    pub fn text(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let width = text.chars().count().max(1);
        self.bytes(name, &format!("<U{width}"), &[], &utf32(text, width))
    }

    /// Adds an integer scalar.
    pub fn integer(&mut self, name: &str, value: i64) -> Result<(), Failure> {
        self.bytes(name, "<i8", &[], &value.to_le_bytes())
    }

    /// Adds the scalar `checksums` (SHA-256 of the data of each array, as JSON), syncs and renames.
    pub fn finish(mut self) -> Result<(), Failure> {
        let checksums = serde_json::Value::Object(self.checksums.clone()).to_string();
        self.text("checksums", &checksums)?;
        let Self { zip, temp, path, .. } = self;
        let sync = || -> std::io::Result<()> {
            let buffer = zip.finish().map_err(std::io::Error::other)?;
            buffer.into_inner().map_err(|e| e.into_error())?.sync_all()
        };
        sync().map_err(|e| Failure::io("writing", &temp, &e))?;
        publish(&temp, &path)
    }
}

struct Hashing<'a, W> {
    inner: &'a mut W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Text as numpy keeps it: UTF-32, padded with zeros to `width` characters.
pub fn utf32(text: &str, width: usize) -> Vec<u8> {
    let mut out: Vec<u8> = text.chars().take(width).flat_map(|c| (c as u32).to_le_bytes()).collect();
    out.resize(width * 4, 0);
    out
}

/// An NPZ file being read; complaints name the file and the array.
pub struct NpzReader {
    zip: ZipArchive<BufReader<File>>,
    path: PathBuf,
}

impl NpzReader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let bad = |e: &dyn std::fmt::Display| {
            Failure::bad(format!("samples {}: {e}; the file is no whole NPZ, fetch it again", path.display()))
        };
        let file = File::open(path).map_err(|e| bad(&e))?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|e| bad(&e))?;
        Ok(Self { zip, path: path.to_owned() })
    }

    /// Whether the file has an array of this name.
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{name}.npy")).is_some()
    }

    /// A complaint about an array.
    pub fn wrong(&self, array: &str, what: impl std::fmt::Display) -> Failure {
        Failure::bad(format!("samples {}: array {array}: {what}", self.path.display()))
    }

    /// Streams an array after checking dtype and shape; `None` in `shape` accepts any length. Returns its shape.
    pub fn stream(
        &mut self,
        name: &str,
        descr: &str,
        shape: &[Option<u64>],
        mut take: impl FnMut(&[u64], &mut dyn Read) -> std::io::Result<()>,
    ) -> Result<Vec<u64>, Failure> {
        let path = self.path.clone();
        let wrong = |what: String| Failure::bad(format!("samples {}: array {name}: {what}", path.display()));
        let entry = self.zip.by_name(&format!("{name}.npy")).map_err(|e| wrong(format!("{e}")))?;
        let mut entry = BufReader::with_capacity(1 << 16, entry);
        let header = NpyHeader::from_reader(&mut entry).map_err(|e| wrong(format!("{e}")))?;
        let found = match header.dtype() {
            DType::Plain(ty) => ty.to_string(),
            other => other.descr(),
        };
        if found != descr {
            return Err(wrong(format!("dtype {found}, expected {descr}")));
        }
        let fits = header.shape().len() == shape.len()
            && header.shape().iter().zip(shape).all(|(a, b)| b.is_none_or(|b| *a == b));
        if !fits || header.order() != npyz::Order::C {
            let expected: Vec<String> = shape.iter().map(|d| d.map_or("N".to_owned(), |d| d.to_string())).collect();
            return Err(wrong(format!("shape {:?}, expected ({})", header.shape(), expected.join(", "))));
        }
        let shape = header.shape().to_vec();
        take(&shape, &mut entry).map_err(|e| wrong(format!("{e}")))?;
        Ok(shape)
    }

    /// Reads a whole array of four-byte or eight-byte numbers.
    pub fn numbers<const W: usize, T>(
        &mut self,
        name: &str,
        descr: &str,
        shape: &[Option<u64>],
        decode: fn([u8; W]) -> T,
    ) -> Result<Vec<T>, Failure> {
        let mut out = Vec::new();
        self.stream(name, descr, shape, |shape, data| {
            let count = shape.iter().product::<u64>();
            let mut raw = [0; W];
            for _ in 0..count {
                data.read_exact(&mut raw)?;
                out.push(decode(raw));
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Reads a text scalar.
    pub fn text(&mut self, name: &str) -> Result<String, Failure> {
        let path = self.path.clone();
        let wrong = |what: String| Failure::bad(format!("samples {}: array {name}: {what}", path.display()));
        let entry = self.zip.by_name(&format!("{name}.npy")).map_err(|e| wrong(format!("{e}")))?;
        let mut entry = BufReader::new(entry);
        let header = NpyHeader::from_reader(&mut entry).map_err(|e| wrong(format!("{e}")))?;
        let is_text = matches!(header.dtype(), DType::Plain(ty) if ty.to_string().starts_with("<U"));
        if !is_text || !header.shape().is_empty() {
            return Err(wrong("expected a text scalar".to_owned()));
        }
        let mut raw = Vec::new();
        entry.take(1 << 20).read_to_end(&mut raw).map_err(|e| wrong(format!("{e}")))?;
        let chars = raw.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).take_while(|&c| c != 0);
        Ok(chars.filter_map(char::from_u32).collect())
    }
}

//! GPUs by NVML. A missing driver is an answer, no error.
use crate::contract::host::Gpu;
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::cell::OnceCell;
use std::ffi::OsString;

/// The machine's GPUs; the driver's library is loaded when first asked.
#[derive(Default)]
pub struct Gpus {
    /// Another file than the system's libnvidia-ml.
    library: Option<OsString>,
    nvml: OnceCell<Result<Nvml, String>>,
}

impl Gpus {
    /// By this library instead of the system's.
    pub fn of(library: impl Into<OsString>) -> Gpus {
        Gpus { library: Some(library.into()), nvml: OnceCell::new() }
    }

    fn load(&self) -> Result<Nvml, String> {
        let mut builder = Nvml::builder();
        if let Some(library) = &self.library {
            builder.lib_path(library);
        }
        builder.init().map_err(|e| format!("no NVIDIA driver: {e}"))
    }

    /// The GPUs, or why there are none. What a GPU does not tell is absent.
    pub fn look(&self) -> (Vec<Gpu>, Option<String>) {
        let nvml = match self.nvml.get_or_init(|| self.load()) {
            Ok(nvml) => nvml,
            Err(why) => return (Vec::new(), Some(why.clone())),
        };
        let count = match nvml.device_count() {
            Ok(count) => count,
            Err(e) => return (Vec::new(), Some(format!("counting GPUs: {e}"))),
        };
        let one = |index| -> Result<Gpu, NvmlError> {
            let device = nvml.device_by_index(index)?;
            let memory = device.memory_info().ok();
            Ok(Gpu {
                name: device.name().unwrap_or_else(|_| format!("GPU {index}")),
                utilization_percent: device.utilization_rates().ok().map(|u| f64::from(u.gpu)),
                memory_percent: memory.as_ref().filter(|m| m.total > 0).map(|m| m.used as f64 * 100.0 / m.total as f64),
                memory_bytes: memory.map_or(0, |m| m.total),
            })
        };
        match (0..count).map(one).collect::<Result<Vec<_>, _>>() {
            Ok(gpus) if gpus.is_empty() => (gpus, Some("the NVIDIA driver finds no GPU".into())),
            Ok(gpus) => (gpus, None),
            Err(e) => (Vec::new(), Some(format!("reading a GPU: {e}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Builds the stand-in for the driver's library; nothing where there is no C compiler.
    fn stand_in(dir: &std::path::Path, defines: &[&str]) -> Option<OsString> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/nvml.c");
        let library = dir.join("libnvidia-ml.so.1");
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args(defines).arg(source).status();
        match built {
            Ok(status) => {
                assert!(status.success(), "cc {source}");
                Some(library.into_os_string())
            }
            Err(e) => {
                eprintln!("skipped: no C compiler: {e}");
                None
            }
        }
    }

    #[test]
    fn gpus_are_read_and_what_one_does_not_tell_is_absent() {
        let dir = tempfile::tempdir().expect("a directory");
        let Some(library) = stand_in(dir.path(), &[]) else { return };
        let (gpus, absent) = Gpus::of(library).look();
        assert_eq!(absent, None);
        assert_eq!(gpus.len(), 2);
        assert_eq!((gpus[0].name.as_str(), gpus[0].utilization_percent), ("NVIDIA H100 80GB HBM3", Some(73.0)));
        assert_eq!((gpus[0].memory_percent, gpus[0].memory_bytes), (Some(25.0), 80 << 30));
        assert_eq!((gpus[1].name.as_str(), gpus[1].utilization_percent), ("NVIDIA GeForce RTX 4090", None));
    }

    #[test]
    fn no_driver_a_driver_that_fails_and_no_gpu_are_values() {
        let (gpus, why) = Gpus::of("/nonexistent/libnvidia-ml.so.1").look();
        assert!(gpus.is_empty() && why.as_ref().is_some_and(|w| w.contains("no NVIDIA driver")), "{why:?}");
        let dir = tempfile::tempdir().expect("a directory");
        for (define, words) in
            [("-DINIT=9", "no NVIDIA driver"), ("-DCOUNT=0", "finds no GPU"), ("-DHANDLE=15", "reading a GPU")]
        {
            let Some(library) = stand_in(dir.path(), &[define]) else { return };
            // The loader knows a library by its file, so each variant has its own.
            let own = dir.path().join(define);
            std::fs::rename(&library, &own).expect("renamed");
            let (gpus, why) = Gpus::of(own).look();
            assert!(gpus.is_empty() && why.as_ref().is_some_and(|w| w.contains(words)), "{define}: {why:?}");
        }
    }
}
